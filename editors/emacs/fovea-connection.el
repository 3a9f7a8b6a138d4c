;;; fovea-connection.el --- The connection to the server  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One process serves all buffers and projects, so only one model is in memory.
;; Positions are in characters (utf-32), as in Emacs.

;;; Code:

(require 'cl-lib)
(require 'eieio)
(require 'jsonrpc)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'url-util)

(defgroup fovea nil
  "What a transformer attends to in the open document."
  :group 'tools
  :prefix "fovea-")

(defcustom fovea-command '("fovea" "serve")
  "The program and its arguments."
  :type '(repeat string)
  :group 'fovea)

(defcustom fovea-settings nil
  "More settings of the server: (:method \"alti\" :hover (:words 5)).
They come before the options of the group `fovea-server', which list all that
there are.  Set it with `setopt' or `customize', and a running server follows."
  :type 'plist
  :set (lambda (symbol value)
         (set-default symbol value)
         (when (fboundp 'fovea-send-settings) (fovea-send-settings)))
  :group 'fovea)

(defvar fovea-notified #'ignore "Called with the method and the parameters of a notification.")
(defvar fovea-asked #'ignore "Called with the method and the parameters of a request; returns the answer.")

(defvar fovea--connection nil "The connection, also before it is ready.")
(defvar fovea--ready nil "Whether the server has answered initialize.")
(defvar fovea--folders nil "The folders that the server knows.")

(defvar-local fovea--uri nil "The document, while it is open at the server.")
(defvar-local fovea-version 0 "The last sent version of the document.")
(defvar-local fovea--changes nil "The pending changes, last first; or `all'.")
(defvar-local fovea--before nil "The text that will change: (START END START-POSITION END-POSITION).")
(defvar-local fovea--timer nil "The timer that sends the changes.")
(defvar-local fovea--visible nil "The visible lines that the server knows.")
(defvar-local fovea-line-counts nil "Lines of the document by version, newest first.")

;;; Places

(defun fovea-path-to-uri (path)
  "The URI of the file PATH."
  (concat "file://" (url-hexify-string (expand-file-name path) url-path-allowed-chars)))

(defun fovea-uri-to-path (uri)
  "The file of URI."
  (decode-coding-string (url-unhex-string (string-remove-prefix "file://" uri)) 'utf-8))

(defun fovea-readable (uri)
  "The file of URI for people: relative to one of the open folders, or abbreviated."
  (let* ((file (fovea-uri-to-path uri))
         (roots (mapcar (lambda (folder) (file-name-as-directory (file-truename folder))) fovea--folders))
         (root (seq-find (lambda (folder) (string-prefix-p folder file)) roots)))
    (if root (substring file (length root)) (abbreviate-file-name file))))

(defun fovea-uri ()
  "The URI of the current buffer."
  (or fovea--uri (fovea-path-to-uri (file-truename (or buffer-file-name "")))))

(defun fovea-buffer (uri)
  "The buffer of URI, or nil."
  (cl-find-if (lambda (buffer) (equal uri (buffer-local-value 'fovea--uri buffer))) (buffer-list)))

(defsubst fovea--bol ()
  "The beginning of the line, regardless of fields."
  (let ((inhibit-field-text-motion t)) (line-beginning-position)))

(defun fovea-position (place)
  "The LSP position of PLACE."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char place)
      (list :line (1- (line-number-at-pos)) :character (- (point) (fovea--bol))))))

(defun fovea-point (position)
  "The position in the current buffer of the LSP POSITION."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line (plist-get position :line))
      (min (line-end-position) (+ (point) (plist-get position :character))))))

(defun fovea-range (start end)
  "The LSP range from START to END."
  (list :start (fovea-position start) :end (fovea-position end)))

;;; The connection

(defun fovea-running-p ()
  "Whether there is a server."
  (and fovea--connection (jsonrpc-running-p fovea--connection)))

(defun fovea-ready-p ()
  "Whether the server is ready and knows the current buffer."
  (and fovea--ready fovea--uri (fovea-running-p)))

(defvar fovea-chosen-settings #'ignore "Function that returns the options of the group `fovea-server' as an alist.")

(defun fovea-settings ()
  "The settings in the form of the server."
  (let ((all (make-hash-table :test #'equal)))
    (dolist (one (funcall fovea-chosen-settings)) (puthash (car one) (cdr one) all))
    ;; The server uses the last of two equal keys, so the property list is last.
    (cl-loop for (key value) on fovea-settings by #'cddr
             do (let ((name (string-remove-prefix ":" (symbol-name key))))
                  (dolist (before (hash-table-keys all))
                    (when (and (string-prefix-p (concat name ".") before)
                               (plist-member value (intern (concat ":" (string-remove-prefix (concat name ".") before)))))
                      (remhash before all)))
                  (puthash name value all)))
    all))

(defun fovea-send-settings ()
  "Send the settings to a running server."
  (when (and fovea--ready (fovea-running-p))
    (jsonrpc-notify fovea--connection :workspace/didChangeConfiguration
                    (list :settings (list :fovea (fovea-settings))))))

(defun fovea--folder ()
  "The folder of the current buffer's project, or nil."
  (when-let ((project (project-current)))
    (directory-file-name
     (expand-file-name (if (fboundp 'project-root) (project-root project) default-directory)))))

(defun fovea--folder-params (folder)
  "FOLDER in the form of LSP."
  (list :uri (fovea-path-to-uri folder) :name (file-name-nondirectory folder)))

(defun fovea--initialize ()
  "The parameters of initialize."
  (list :processId (emacs-pid)
        :clientInfo (list :name "Emacs fovea-mode" :version emacs-version)
        :rootUri (and fovea--folders (fovea-path-to-uri (car fovea--folders)))
        :workspaceFolders (and fovea--folders (vconcat (mapcar #'fovea--folder-params fovea--folders)))
        :initializationOptions (fovea-settings)
        :capabilities
        (list :general '(:positionEncodings ["utf-32"])
              :window '(:showDocument (:support t))
              :workspace '(:workspaceFolders t :configuration :json-false :codeLens (:refreshSupport t))
              :textDocument '(:hover (:contentFormat ["markdown" "plaintext"])
                                     :synchronization (:didSave t)
                                     :codeAction (:codeActionLiteralSupport
                                                  (:codeActionKind (:valueSet ["fovea"]))))
              :experimental '(:fovea (:heat t :heatChanges t :status t :drawsOn t)))))

(defvar fovea--reported nil "The last reported problem.")

(defun fovea-report (problem)
  "Report PROBLEM to the user once."
  (unless (equal problem fovea--reported)
    (setq fovea--reported problem)
    (display-warning 'fovea problem :warning)))

(defun fovea-missing ()
  "Advice about a program that cannot be found, or nil if it is found."
  (let ((program (car fovea-command)))
    (unless (and program (executable-find program))
      (format "Fovea cannot find the program `%s'.
Install it with `cargo install --path .' in the folder of Fovea, or set `fovea-command' to where it is,
as in (setq fovea-command '(\"/path/to/fovea\" \"serve\")).  Then call M-x fovea-restart." program))))

(defconst fovea-protocol 1 "The version of the protocol of this client.")

(defun fovea--unfit (answer)
  "Advice about a server whose ANSWER to initialize does not fit, or nil."
  (let ((protocol (plist-get (plist-get (plist-get (plist-get answer :capabilities) :experimental) :fovea) :protocol)))
    (cond
     ((not (integerp protocol))
      (format "The program `%s' is no Fovea, or one too old for this package.
Install the program anew with `cargo install --path .', or correct `fovea-command'; then call M-x fovea-restart."
              (car fovea-command)))
     ((< protocol fovea-protocol)
      (format "The program `%s' is too old: it speaks protocol %d, and this package needs %d.
Install the program anew with `cargo install --path .', then call M-x fovea-restart."
              (car fovea-command) protocol fovea-protocol))
     ((> protocol fovea-protocol)
      (format "The program `%s' is newer than this package: it speaks protocol %d, and this package knows %d.
Update the package; some things may look wrong until then." (car fovea-command) protocol fovea-protocol)))))

(defun fovea--last-words ()
  "The last line that the server wrote to its standard error; nil for none."
  (when-let ((buffer (get-buffer " *fovea errors*")))
    (when-let ((pipe (get-buffer-process buffer))) (accept-process-output pipe 0.2))
    (with-current-buffer buffer
      (car (last (seq-remove (lambda (line) (or (string-blank-p line) (string-match-p "\\`Process " line)))
                             (split-string (buffer-string) "\n")))))))

;; A subclass, so that the method below concerns no other server.
(defclass fovea-server (jsonrpc-process-connection) ()
  :documentation "A running Fovea.")

(defvar fovea--leaving nil "The server that is told to end.")

(cl-defmethod jsonrpc-connection-send :around ((server fovea-server) &rest message)
  "Send MESSAGE, unless SERVER would not read it.
One that is told to end may be gone before Emacs knows: timers and answers
must not write to it.  An answer to one that has ended is no error either."
  (when (cond ((eq server fovea--leaving) (memq (plist-get message :method) '(:shutdown :exit)))
              ((or (plist-member message :result) (plist-member message :error)) (jsonrpc-running-p server))
              (t t))
    (cl-call-next-method)))

(defun fovea--connect ()
  "Start the server."
  (let ((process (lambda ()
                   (make-process :name "fovea" :command fovea-command :connection-type 'pipe
                                 :coding 'utf-8-emacs-unix :noquery t
                                 :stderr (get-buffer-create " *fovea errors*"))))
        ;; The events would contain the text of every document.
        (quiet (if (slot-exists-p 'jsonrpc-connection '-events-buffer-config)
                   '(:events-buffer-config (:size 0 :format full))
                 '(:events-buffer-scrollback-size 0))))
    (when-let ((buffer (get-buffer " *fovea errors*")))
      (with-current-buffer buffer (let ((inhibit-read-only t)) (erase-buffer))))
    (setq fovea--ready nil
          fovea--folders (delq nil (list (fovea--folder)))
          fovea--connection
          (apply #'make-instance 'fovea-server
                 :name "fovea"
                 :process process
                 :notification-dispatcher (lambda (_ method params) (funcall fovea-notified method params))
                 :request-dispatcher (lambda (_ method params) (funcall fovea-asked method params))
                 :on-shutdown #'fovea--ended
                 quiet))
    (let ((connection fovea--connection))
      ;; The sentinel reports a program that has already ended.
      (ignore-errors
        (jsonrpc-async-request
         connection :initialize (fovea--initialize)
         :timeout 60
         :success-fn (lambda (answer)
                       (when (eq connection fovea--connection)
                         (let ((problem (fovea--unfit answer)))
                           (when problem (fovea-report problem))
                           (if (and problem (not (string-match-p "newer" problem)))
                               (progn (setq fovea--connection nil)
                                      (jsonrpc-shutdown connection t))
                             (fovea--initialized)))))
         :error-fn (lambda (err)
                     (when (and (eq connection fovea--connection) (fovea-running-p))
                       (fovea-report (format "The program `%s' refused to start: %s" (car fovea-command)
                                             (plist-get err :message))))))))))

(defun fovea-buffers ()
  "The buffers with `fovea-mode'."
  (seq-filter (lambda (buffer) (buffer-local-value 'fovea-mode buffer))
              (seq-filter (lambda (buffer) (local-variable-p 'fovea-mode buffer)) (buffer-list))))

(defun fovea--initialized ()
  "Open the waiting buffers after the server has answered."
  (jsonrpc-notify fovea--connection :initialized (make-hash-table))
  (setq fovea--ready t)
  (dolist (buffer (fovea-buffers))
    (with-current-buffer buffer (fovea-open))))

(defun fovea--ended (connection)
  "Clean up after the end of the server of CONNECTION."
  (when (eq connection fovea--connection)
    (unless fovea--ready
      (fovea-report (format "The program `%s' ended before it was ready%s.
Try it in a terminal; if it is no Fovea, set `fovea-command'.  Then call M-x fovea-restart."
                            (string-join fovea-command " ")
                            (if-let ((words (fovea--last-words))) (concat ": " words) ""))))
    (setq fovea--connection nil fovea--ready nil)
    (dolist (buffer (fovea-buffers))
      (with-current-buffer buffer
        (fovea--forget)
        (when (fboundp 'fovea-heat-clear) (fovea-heat-clear))))))

(defun fovea-stop ()
  "End the server."
  (when (fovea-running-p)
    (let ((connection fovea--connection))
      (setq fovea--leaving connection)
      (unwind-protect
          (progn
            (ignore-errors (jsonrpc-request connection :shutdown nil :timeout 2))
            (ignore-errors (jsonrpc-notify connection :exit nil))
            (jsonrpc-shutdown connection t)
            (fovea--ended connection))
        (setq fovea--leaving nil)))))

(defun fovea--leave ()
  "Tell the server to end, and wait for nothing.
When its terminal was closed, Emacs would wait forever here."
  (when (fovea-running-p)
    (ignore-errors (jsonrpc-notify fovea--connection :exit nil))))

(add-hook 'kill-emacs-hook #'fovea--leave)

;;; Asking

(defun fovea--assert-ready ()
  "Signal an error if the server cannot answer."
  (unless (and fovea--ready (fovea-running-p))
    (user-error "%s" (cond ((fovea-missing))
                           ((fovea-running-p) "Fovea is starting; try again in a moment")
                           (t "Fovea is not running; call M-x fovea-restart"))))
  (when fovea--uri (fovea-flush)))

(defun fovea-request-async (method params done &optional failed patience)
  "Ask the server METHOD with PARAMS; DONE gets its answer, FAILED its error.
FAILED gets nil where no answer came within PATIENCE seconds: t is for ever, and
nil as long as jsonrpc waits.  The value is a number that `fovea-cancel' takes."
  (fovea--assert-ready)
  (let ((failed (or failed #'ignore)))
    (apply #'jsonrpc-async-request fovea--connection method params
           :success-fn done :error-fn failed :timeout-fn (lambda () (funcall failed nil))
           (and patience (list :timeout (and (numberp patience) patience)))))
  (jsonrpc--next-request-id fovea--connection))

(defun fovea--await (method params &optional patience meanwhile)
  "The answer of the server to METHOD with PARAMS, after at most PATIENCE seconds.
MEANWHILE is called from time to time.  \\[keyboard-quit] cancels the request."
  ;; Older versions of `jsonrpc-request' leave the filter with the answer, and
  ;; what the server sent behind it waits for more output.
  (let (done answer failure request)
    (setq request (fovea-request-async
                   method params
                   (lambda (result) (setq done t answer result))
                   (lambda (err) (setq done t failure (or err '(:message "the server did not answer in time"))))
                   (or patience 60)))
    (unwind-protect
        (while (not done)
          (accept-process-output nil 0.05)
          (unless (or done (fovea-running-p)) (user-error "Fovea: the server ended meanwhile"))
          (unless (or done (not meanwhile)) (funcall meanwhile)))
      (unless done (fovea-cancel request)))
    (when failure (user-error "Fovea: %s" (plist-get failure :message)))
    answer))

(defun fovea-request (method params)
  "The answer of the server to METHOD with PARAMS."
  (fovea--await method params))

(defun fovea-cancel (request)
  "Cancel REQUEST at the server."
  (when (and request (fovea-running-p))
    (jsonrpc-notify fovea--connection :$/cancelRequest (list :id request))))

(defun fovea-execute (command &rest arguments)
  "The answer of the server to COMMAND with ARGUMENTS."
  (fovea-request :workspace/executeCommand
                 (list :command command :arguments (vconcat arguments))))

(defvar fovea--progress nil "The progress of the work of `fovea-wait': (TOKEN . TEXT).")

(defun fovea-take-progress (params)
  "Store the progress in PARAMS."
  (when (equal (plist-get params :token) (car fovea--progress))
    (let* ((value (plist-get params :value)) (percentage (plist-get value :percentage)))
      (setcdr fovea--progress
              (string-join (delq nil (list (or (plist-get value :message) (plist-get value :title))
                                           ;; The last step says nothing about how long it takes.
                                           (and percentage (< percentage 100) (format "%d %%" percentage))))
                           " ")))))

(defun fovea--progress-line (what)
  "What the echo area says about the work WHAT: one line, if there is room."
  (let* ((progress (or (cdr fovea--progress) ""))
         (room (- (frame-width) (string-width what) (length "Fovea: …  (C-g stops)") 1)))
    (format "Fovea: %s… %s(C-g stops)" what
            (if (string-empty-p progress) "" (concat (truncate-string-to-width progress (max 20 room) nil nil t) " ")))))

(defun fovea-wait (what command &rest arguments)
  "Like `fovea-execute' with COMMAND and ARGUMENTS, for WHAT may take long.
The echo area says how far it is; \\[keyboard-quit] stops it here and at the server."
  (let* ((token (format "emacs-%d-%s" (emacs-pid) (float-time)))
         (fovea--progress (list token))
         (began (float-time)))
    (prog1 (fovea--await :workspace/executeCommand
                         (list :command command :arguments (vconcat arguments) :workDoneToken token)
                         t
                         (lambda ()
                           (when (> (- (float-time) began) 0.3)
                             (let ((message-log-max nil)) (message "%s" (fovea--progress-line what))))))
      (let ((message-log-max nil)) (message nil)))))

(defun fovea-byte-place (place)
  "The buffer position of PLACE, which has a line and a column in bytes."
  (save-excursion
    (goto-char (point-min))
    (forward-line (plist-get place :line))
    (+ (point) (fovea-characters (buffer-substring-no-properties (point) (line-end-position))
                                 (plist-get place :column)))))

(defun fovea-characters (text bytes)
  "The number of characters of TEXT in its first BYTES bytes."
  (let ((coded (encode-coding-string text 'utf-8)))
    (length (decode-coding-string (substring coded 0 (min bytes (length coded))) 'utf-8))))

;;; Documents

(defun fovea-language ()
  "The server's name of the language of the current buffer."
  (let ((name (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode)))
        (extension (file-name-extension (or buffer-file-name ""))))
    (pcase name
      ("c++" "cpp") ("js" "javascript") ("js2" "javascript") ("js-jsx" "javascriptreact")
      ("tsx" "typescriptreact") ("sh" "shellscript") ("bash" "shellscript") ("gfm" "markdown")
      ;; Emacs has no mode for the language; the server knows common extensions.
      ((or "prog" "fundamental" "text" "conf") (or extension "plaintext"))
      (_ name))))

(defun fovea--text ()
  "The whole text of the buffer."
  (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max))))

(defun fovea--new-version ()
  "Start a new version, and store its number of lines."
  (setq fovea-version (1+ fovea-version)
        fovea-line-counts
        (seq-take (cons (cons fovea-version (save-restriction (widen) (line-number-at-pos (point-max))))
                        fovea-line-counts)
                  50)))

(defun fovea-open ()
  "Open the current buffer at the server, and start the server if necessary."
  (unless (fovea-running-p)
    (let ((missing (fovea-missing)))
      (if missing (fovea-report missing) (fovea--connect))))
  (when (and fovea--ready (not fovea--uri))
    (let ((folder (fovea--folder)))
      (when (and folder (not (member folder fovea--folders)))
        (push folder fovea--folders)
        (jsonrpc-notify fovea--connection :workspace/didChangeWorkspaceFolders
                        (list :event (list :added (vector (fovea--folder-params folder)) :removed [])))))
    (setq fovea--uri (fovea-uri) fovea-version 0 fovea--changes nil fovea--visible nil fovea-line-counts nil)
    (fovea--new-version)
    (jsonrpc-notify fovea--connection :textDocument/didOpen
                    (list :textDocument (list :uri fovea--uri :languageId (fovea-language)
                                              :version fovea-version :text (fovea--text))))
    (add-hook 'before-change-functions #'fovea--before-change nil t)
    (add-hook 'after-change-functions #'fovea--after-change nil t)
    (add-hook 'after-save-hook #'fovea--saved nil t)
    (add-hook 'kill-buffer-hook #'fovea-close nil t)
    (add-hook 'before-revert-hook #'fovea-close nil t)
    (add-hook 'after-revert-hook #'fovea-open nil t)
    (fovea-tell-visible)))

(defun fovea--forget ()
  "Forget that the server has the current buffer."
  (setq fovea--uri nil fovea--changes nil)
  (when fovea--timer (cancel-timer fovea--timer))
  (setq fovea--timer nil)
  (remove-hook 'before-change-functions #'fovea--before-change t)
  (remove-hook 'after-change-functions #'fovea--after-change t)
  (remove-hook 'after-save-hook #'fovea--saved t))

(defun fovea-close ()
  "Close the current buffer at the server."
  (when fovea--uri
    (when (and fovea--ready (fovea-running-p))
      (jsonrpc-notify fovea--connection :textDocument/didClose
                      (list :textDocument (list :uri fovea--uri))))
    (fovea--forget)))

(defun fovea--saved ()
  "Tell the server that the file was saved."
  (when (fovea-ready-p)
    (fovea-flush)
    (jsonrpc-notify fovea--connection :textDocument/didSave
                    (list :textDocument (list :uri fovea--uri)))))

(defun fovea--before-change (start end)
  "Store the positions of START and END before the text between them changes."
  (setq fovea--before (list start end (fovea-position start) (fovea-position end))))

(defun fovea--after-change (start end length)
  "Record a change to the text from START to END, which had LENGTH characters."
  (unless (eq fovea--changes 'all)
    (pcase fovea--before
      ((and `(,from ,to ,first ,last) (guard (and (= from start) (= (- to from) length))))
       (push (list :range (list :start first :end last)
                   :text (save-restriction (widen) (buffer-substring-no-properties start end)))
             fovea--changes))
      ;; The two hooks do not always have the same range.
      (_ (setq fovea--changes 'all))))
  (setq fovea--before nil)
  (unless fovea--timer
    (setq fovea--timer (run-with-timer 0.05 nil #'fovea--flush-buffer (current-buffer)))))

(defun fovea--flush-buffer (buffer)
  "Send the changes of BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (fovea-flush))))

(defun fovea-flush ()
  "Send the pending changes of the current buffer."
  (when fovea--timer (cancel-timer fovea--timer))
  (setq fovea--timer nil)
  (when (and fovea--changes (fovea-ready-p))
    (fovea--new-version)
    (let ((changes (if (eq fovea--changes 'all)
                       (vector (list :text (fovea--text)))
                     (vconcat (reverse fovea--changes)))))
      (setq fovea--changes nil)
      (jsonrpc-notify fovea--connection :textDocument/didChange
                      (list :textDocument (list :uri fovea--uri :version fovea-version)
                            :contentChanges changes)))))

(defun fovea-current-p (version)
  "Whether positions of VERSION are valid in the current text of the buffer."
  (and (= version fovea-version) (not fovea--changes)))

;;; Visible lines

(defun fovea-tell-visible ()
  "Tell the server which lines are visible, if they have changed."
  (when (fovea-ready-p)
    (when-let ((window (get-buffer-window)))
      (let ((lines (cons (1- (line-number-at-pos (window-start window) t))
                         (line-number-at-pos (min (window-end window) (point-max)) t))))
        (unless (equal lines fovea--visible)
          (setq fovea--visible lines)
          (jsonrpc-notify fovea--connection :fovea/visible
                          (list :textDocument (list :uri fovea--uri)
                                :range (list :start (list :line (car lines) :character 0)
                                             :end (list :line (cdr lines) :character 0)))))))))

(provide 'fovea-connection)
;;; fovea-connection.el ends here
