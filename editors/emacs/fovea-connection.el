;;; fovea-connection.el --- Talking to the server of Fovea  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One process for all buffers and projects, so the model is in memory once.
;; Positions are counted in characters (utf-32), as Emacs counts them.

;;; Code:

(require 'cl-lib)
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
  "The server's settings, as a property list: (:method \"alti\" :hover (:words 5)).
Set it with `setopt' or `customize', and a running server follows."
  :type 'plist
  :set (lambda (symbol value)
         (set-default symbol value)
         (when (fboundp 'fovea-send-settings) (fovea-send-settings)))
  :group 'fovea)

(defvar fovea-notified #'ignore "Called with the method and the parameters of a notification.")
(defvar fovea-asked #'ignore "Called with the method and the parameters of a request, for its answer.")

(defvar fovea--connection nil "The connection, also before it is ready.")
(defvar fovea--ready nil "Whether the server has answered initialize.")
(defvar fovea--folders nil "The folders that the server knows.")

(defvar-local fovea--uri nil "The document, while it is open at the server.")
(defvar-local fovea-version 0 "The version of the document that was sent last.")
(defvar-local fovea--changes nil "Changes that were not sent yet, last first; or `all'.")
(defvar-local fovea--before nil "What is about to change: (START END START-POSITION END-POSITION).")
(defvar-local fovea--timer nil "Sends the changes.")
(defvar-local fovea--visible nil "The lines on screen that the server was told last.")
(defvar-local fovea-line-counts nil "Lines of the document by version, newest first.")

;;; Places

(defun fovea-path-to-uri (path)
  "The URI of the file PATH."
  (concat "file://" (url-hexify-string (expand-file-name path) url-path-allowed-chars)))

(defun fovea-uri-to-path (uri)
  "The file of URI."
  (decode-coding-string (url-unhex-string (string-remove-prefix "file://" uri)) 'utf-8))

(defun fovea-uri ()
  "The URI of the current buffer."
  (or fovea--uri (fovea-path-to-uri (file-truename (or buffer-file-name "")))))

(defun fovea-buffer (uri)
  "The buffer of URI; nil where there is none."
  (cl-find-if (lambda (buffer) (equal uri (buffer-local-value 'fovea--uri buffer))) (buffer-list)))

(defsubst fovea--bol ()
  "Where the line begins, fields or not."
  (let ((inhibit-field-text-motion t)) (line-beginning-position)))

(defun fovea-position (place)
  "The LSP position of PLACE."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char place)
      (list :line (1- (line-number-at-pos)) :character (- (point) (fovea--bol))))))

(defun fovea-point (position)
  "The place in the current buffer of the LSP POSITION."
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
  "Whether the server answers, and knows the current buffer."
  (and fovea--ready fovea--uri (fovea-running-p)))

(defun fovea-settings ()
  "The settings as the server takes them."
  (or fovea-settings (make-hash-table)))

(defun fovea-send-settings ()
  "Send the settings to a server that is running."
  (when (and fovea--ready (fovea-running-p))
    (jsonrpc-notify fovea--connection :workspace/didChangeConfiguration
                    (list :settings (list :fovea (fovea-settings))))))

(defun fovea--folder ()
  "The folder of the current buffer's project; nil where it has none."
  (when-let ((project (project-current)))
    (directory-file-name
     (expand-file-name (if (fboundp 'project-root) (project-root project) default-directory)))))

(defun fovea--folder-params (folder)
  "FOLDER as LSP has it."
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
              :workspace '(:workspaceFolders t :configuration :json-false)
              :textDocument '(:hover (:contentFormat ["markdown" "plaintext"])
                              :synchronization (:didSave t)
                              :codeAction (:codeActionLiteralSupport
                                           (:codeActionKind (:valueSet ["fovea"]))))
              :experimental '(:fovea (:heat t :heatChanges t :status t)))))

(defun fovea--connect ()
  "Start the server."
  (let ((process (lambda ()
                   (make-process :name "fovea" :command fovea-command :connection-type 'pipe
                                 :coding 'utf-8-emacs-unix :noquery t
                                 :stderr (get-buffer-create " *fovea stderr*"))))
        ;; The events would hold the text of every document.
        (quiet (if (slot-exists-p 'jsonrpc-connection '-events-buffer-config)
                   '(:events-buffer-config (:size 0 :format full))
                 '(:events-buffer-scrollback-size 0))))
    (setq fovea--ready nil
          fovea--folders (delq nil (list (fovea--folder)))
          fovea--connection
          (apply #'make-instance 'jsonrpc-process-connection
                 :name "fovea"
                 :process process
                 :notification-dispatcher (lambda (_ method params) (funcall fovea-notified method params))
                 :request-dispatcher (lambda (_ method params) (funcall fovea-asked method params))
                 :on-shutdown #'fovea--ended
                 quiet))
    (let ((connection fovea--connection))
      (jsonrpc-async-request
       connection :initialize (fovea--initialize)
       :timeout 60
       :success-fn (lambda (_) (when (eq connection fovea--connection) (fovea--initialized)))
       :error-fn (lambda (err) (message "Fovea: %s" (plist-get err :message)))))))

(defun fovea-buffers ()
  "The buffers with `fovea-mode'."
  (seq-filter (lambda (buffer) (buffer-local-value 'fovea-mode buffer))
              (seq-filter (lambda (buffer) (local-variable-p 'fovea-mode buffer)) (buffer-list))))

(defun fovea--initialized ()
  "The server has answered: tell it of the buffers that wait."
  (jsonrpc-notify fovea--connection :initialized (make-hash-table))
  (setq fovea--ready t)
  (dolist (buffer (fovea-buffers))
    (with-current-buffer buffer (fovea-open))))

(defun fovea--ended (connection)
  "The server of CONNECTION has gone."
  (when (eq connection fovea--connection)
    (setq fovea--connection nil fovea--ready nil)
    (dolist (buffer (fovea-buffers))
      (with-current-buffer buffer
        (fovea--forget)
        (when (fboundp 'fovea-heat-clear) (fovea-heat-clear))))))

(defun fovea-stop ()
  "End the server."
  (when (fovea-running-p)
    (let ((connection fovea--connection))
      (ignore-errors (jsonrpc-request connection :shutdown nil :timeout 2))
      (ignore-errors (jsonrpc-notify connection :exit nil))
      (jsonrpc-shutdown connection t)
      (fovea--ended connection))))

(add-hook 'kill-emacs-hook #'fovea-stop)

;;; Asking

(defun fovea--assert-ready ()
  "Signal an error where the server cannot answer."
  (unless (and fovea--ready (fovea-running-p)) (user-error "Fovea is not running"))
  (when fovea--uri (fovea-flush)))

(defun fovea-request (method params)
  "The answer of the server to METHOD with PARAMS."
  (fovea--assert-ready)
  (jsonrpc-request fovea--connection method params :timeout 60))

(defun fovea-request-async (method params done)
  "Ask the server METHOD with PARAMS; DONE gets its answer."
  (fovea--assert-ready)
  (jsonrpc-async-request fovea--connection method params
                         :success-fn done :error-fn #'ignore :timeout-fn #'ignore))

(defun fovea-execute (command &rest arguments)
  "The answer of the server to COMMAND with ARGUMENTS."
  (fovea-request :workspace/executeCommand
                 (list :command command :arguments (vconcat arguments))))

;;; Documents

(defun fovea-language ()
  "What the server calls the language of the current buffer."
  (let ((name (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode)))
        (extension (file-name-extension (or buffer-file-name ""))))
    (pcase name
      ("c++" "cpp") ("js" "javascript") ("js2" "javascript") ("js-jsx" "javascriptreact")
      ("tsx" "typescriptreact") ("sh" "shellscript") ("bash" "shellscript") ("gfm" "markdown")
      ;; Emacs has no mode of its own for the language: the server knows the usual extensions.
      ((or "prog" "fundamental" "text" "conf") (or extension "plaintext"))
      (_ name))))

(defun fovea--text ()
  "The whole text of the buffer."
  (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max))))

(defun fovea--new-version ()
  "Count a version, and note how many lines it has."
  (setq fovea-version (1+ fovea-version)
        fovea-line-counts
        (seq-take (cons (cons fovea-version (save-restriction (widen) (line-number-at-pos (point-max))))
                        fovea-line-counts)
                  50)))

(defun fovea-open ()
  "Open the current buffer at the server, starting that where there is none."
  (unless (fovea-running-p) (fovea--connect))
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
  "The server no longer has the current buffer."
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
  "Tell the server that the file was written."
  (when (fovea-ready-p)
    (fovea-flush)
    (jsonrpc-notify fovea--connection :textDocument/didSave
                    (list :textDocument (list :uri fovea--uri)))))

(defun fovea--before-change (start end)
  "Note where START and END are before the text between them changes."
  (setq fovea--before (list start end (fovea-position start) (fovea-position end))))

(defun fovea--after-change (start end length)
  "Note that LENGTH characters became the text from START to END."
  (unless (eq fovea--changes 'all)
    (pcase fovea--before
      ((and `(,from ,to ,first ,last) (guard (and (= from start) (= (- to from) length))))
       (push (list :range (list :start first :end last)
                   :text (save-restriction (widen) (buffer-substring-no-properties start end)))
             fovea--changes))
      ;; The two hooks do not always speak of the same stretch.
      (_ (setq fovea--changes 'all))))
  (setq fovea--before nil)
  (unless fovea--timer
    (setq fovea--timer (run-with-timer 0.05 nil #'fovea--flush-buffer (current-buffer)))))

(defun fovea--flush-buffer (buffer)
  "Send the changes of BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (fovea-flush))))

(defun fovea-flush ()
  "Send the changes of the current buffer that were not sent yet."
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
  "Whether positions of VERSION fit the text of the buffer as it is now."
  (and (= version fovea-version) (not fovea--changes)))

;;; What is on screen

(defun fovea-tell-visible ()
  "Tell the server which lines are on screen, where they are others than before."
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
