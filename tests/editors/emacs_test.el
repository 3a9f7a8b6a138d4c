;;; emacs_test.el --- Drives a real Emacs against a real server  -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -l emacs_test.el FOVEA
;;
;; The file is one session of one user: the tests run in order and share the
;; server.  The tests wait for conditions.

;;; Code:

(defvar eglot--managed-mode)

(load (expand-file-name "emacs_harness.el" (file-name-directory load-file-name)) nil t)

;;; The package

(defun emacs-says (&rest arguments)
  "The output of another Emacs with ARGUMENTS."
  (let ((dump (car (file-expand-wildcards (expand-file-name "emacs*.pdmp" exec-directory)))))
    (with-temp-buffer
      (apply #'call-process (expand-file-name invocation-name invocation-directory) nil t nil
             `(,@(and dump (list (concat "--dump-file=" dump))) "-Q" "--batch" ,@arguments))
      (buffer-string))))

(test "it byte-compiles without a warning, and its documentation is in order"
  (let ((target (file-name-as-directory (make-temp-file "fovea-elc-" t))) warnings)
    (dolist (source (directory-files (expand-file-name "editors/emacs" the-root) t "\\.el\\'"))
      (copy-file source target))
    (dolist (source (directory-files target t "\\.el\\'"))
      (push (emacs-says "-L" target "-f" "batch-byte-compile" source) warnings)
      ;; The experimental check of verbs takes "highlights" for a wrong verb form.
      (push (emacs-says "--eval" (format "(progn (require 'checkdoc) (setq checkdoc-verb-check-experimental-flag nil) (checkdoc-file %S))" source))
            warnings))
    (delete-directory target t)
    (setq warnings (seq-remove #'string-blank-p warnings))
    (check (not warnings) "warnings" warnings)))

(test "the global mode turns on in a file of code, and the server says that it is ready"
  (begin)
  (check fovea-mode "the mode is off")
  (check (equal (plist-get fovea--status :health) "ok") "health" fovea--status)
  (check (string-match-p "\\` Fovea\\(?:…\\| indexing.*\\)?\\'" (fovea-lighter)) "the lighter" (fovea-lighter)))

;;; Heat

(test "heat covers whole words, with the levels that the server sent"
  (wait "heat" #'heat-is-current)
  (check-drawn)
  (check (= (length (seq-uniq (mapcar #'cdr (heat)))) 3) "there are not three tones")
  (dolist (word (heat))
    (check (not (string-match-p "[[:space:]]" (car word))) "a mark covers spaces" word)))

(test "heat counts characters correctly after multibyte characters"
  (go "default configuration")
  (let ((words (seq-filter (lambda (overlay) (and (>= (overlay-start overlay) (point))
                                                  (< (overlay-start overlay) (line-end-position))))
                           (overlays 'fovea-heat))))
    (check words "no heat after the emoji")
    (dolist (word words)
      (check (string-search (text-of word) "default configuration") "a mark covers" (text-of word)))))

(defun with-theme (theme function)
  "Call FUNCTION while THEME is on a terminal of many colors."
  (let ((kind (if (memq theme '(adwaita dichromacy leuven light-blue modus-operandi modus-operandi-deuteranopia
                                modus-operandi-tinted modus-operandi-tritanopia tango tsdh-light whiteboard default-light))
                  'light 'dark)))
    (cl-letf (((symbol-function 'display-color-cells) (lambda (&rest _) 16777216))
              ((symbol-function 'display-color-p) (lambda (&rest _) t)))
      (set-frame-parameter nil 'display-type 'color)
      (set-frame-parameter nil 'background-mode kind)
      (let ((frame-background-mode kind))
        (if (memq theme '(default-dark default-light))
            (mapc #'frame-set-background-mode (frame-list))
          (load-theme theme t))
        (unwind-protect (funcall function)
          (unless (memq theme '(default-dark default-light)) (disable-theme theme)))))))

(test "every word on a mark has a contrast of at least 4.5 in every bundled theme, dark and light, and the mark is visible"
  (let (worst least (themes 0))
    (dolist (theme (append '(default-dark default-light)
                           (seq-difference (custom-available-themes) '(modus-themes))))
      (with-theme
       theme
       (lambda ()
         (setq themes (1+ themes))
         (fovea-heat-define-faces)
         (let ((ground (fovea--told-color (face-background 'default nil t)
                                          (if (eq (frame-parameter nil 'background-mode) 'dark) "#101010" "#ffffff"))))
           (dolist (row fovea-tints)
             (let* ((face (car row))
                    (tint (fovea--rgb (face-attribute face :background)))
                    (own (face-attribute face :foreground)))
               (check (not (eq (face-attribute face :underline nil 'default) t)) "a line hides underscores" theme face)
               (check (> (fovea-contrast tint ground) 1.02) "the mark is invisible" theme face tint ground)
               (check (<= (nth 0 tint) (+ 0.12 (max (nth 1 tint) (nth 2 tint)))) "it is red" theme face tint)
               (dolist (syntax fovea-syntax-faces)
                 (when (facep syntax)
                   (let* ((text (if (stringp own) own (face-foreground syntax nil t)))
                          (contrast (if (and text (not (string-prefix-p "unspecified" text)))
                                        (fovea-contrast (fovea--rgb text) tint)
                                      21)))
                     (when (< contrast (or (nth 1 (alist-get (frame-parameter nil 'background-mode) least)) 21))
                       (setf (alist-get (frame-parameter nil 'background-mode) least) (list theme contrast)))
                     (when (< contrast 4.5) (push (list theme face syntax contrast) worst)))))))))))
    (pcase-dolist (`(,mode ,theme ,contrast) least)
      (report "        least contrast of %s themes: %s %.2f" mode theme contrast))
    ;; Emacs 29 added themes.
    (check (> themes (if (< emacs-major-version 29) 17 20)) "too few themes" themes)
    (check (not worst) "hard to read" worst)))

(test "with few colors a mark is bold instead of tinted"
  (cl-letf (((symbol-function 'display-color-cells) (lambda (&rest _) 8)))
    (fovea-heat-define-faces))
  (check (eq (face-attribute 'fovea-heat-high :weight) 'bold) "not bold")
  (check (eq (face-attribute 'fovea-heat-high :background) 'unspecified) "there is still a color")
  (fovea-heat-define-faces))

(test "an edit keeps the heat on its words until the new heat replaces it"
  (let ((before (heat)) (version fovea-version) (least most-positive-fixnum))
    (go "pub fn load_config")
    (dolist (letter (append "/// Gives back an ordered map of the values.\n" nil))
      (insert letter)
      (setq least (min least (length (heat))))
      (accept-process-output nil 0.002)
      (setq least (min least (length (heat)))))
    (wait "the new heat" (lambda ()
                           (setq least (min least (length (heat))))
                           (and (> fovea-version version) (heat-is-current))))
    (check (>= least (* 0.9 (length before))) "words lost their heat during the edit" least (length before))
    (check-drawn)
    (go "ordered map")
    (check (seq-some (lambda (overlay) (and (>= (overlay-start overlay) (line-beginning-position))
                                            (<= (overlay-end overlay) (line-end-position))))
                     (overlays 'fovea-heat))
           "no heat on the new line")))

(test "after edits of all kinds, the heat is that of the current text"
  (go "let mut sum")
  (upcase-word 3)
  (kill-line)
  (yank)
  (undo-boundary)
  (transpose-lines 1)
  (goto-char (point-min))
  (insert "// naïve 🙂 é\n")
  (replace-regexp-in-region "sum" "total 🙂" (point-min) (point-max))
  (wait "heat" #'heat-is-current)
  (check-drawn)
  ;; The server has the current text: it explains a word that exists only here.
  (go "naïve")
  (revert-buffer t t t)
  (wait "heat after reverting" #'heat-is-current)
  (check-drawn))

(test "in a long file the visible part is drawn at once, and soon every line"
  (let ((unit (with-current-buffer the-config
                (save-excursion (go "/// The scalar product")
                                (buffer-substring-no-properties (point) (point-max))))))
    (with-temp-file (file "src/long.rs")
      (dotimes (_ 1100) (insert unit)))
    (switch-to-buffer (find-file-noselect (file "src/long.rs")))
    (unless (derived-mode-p 'prog-mode) (prog-mode))
    (check (> (count-lines (point-min) (point-max)) 8000) "not long")
    (wait "heat" #'heat-is-current)
    (check (> (length (overlays 'fovea-heat)) 10000) "too little heat")
    (check (= (length (overlays 'fovea-heat)) (length (nth 1 fovea--heat))) "not every word is drawn")
    (goto-char (point-min))
    (insert "// once\n")
    (wait "heat" #'heat-is-current)
    (check (= (length (overlays 'fovea-heat)) (length (nth 1 fovea--heat))) "not every word is drawn after an edit")
    (set-buffer-modified-p nil)
    (kill-buffer)
    (delete-file (file "src/long.rs"))
    (switch-to-buffer the-config)))

(test "heat is quiet, full or off, and stale heat is not drawn"
  (let ((full (length (heat))))
    (fovea-set-heat "off")
    (wait "no heat" (lambda () (null (heat))))
    (check (said-p "marks are off") "the message" said)
    (fovea-set-heat "quiet")
    (wait "quiet heat" (lambda () (and (heat) (heat-is-current))))
    (check (< (length (heat)) (/ full 3)) "the preset quiet marks too many words" (length (heat)) full)
    (dolist (word (heat))
      (check (string-match-p "\\`[[:alnum:]_']+\\'" (car word)) "a mark is not a word" word))
    (fovea-set-heat "full")
    (wait "heat" (lambda () (and (heat) (heat-is-current) (> (length (heat)) (/ full 3))))))
  (check (equal (condition-case err (fovea-set-heat "loud") (user-error (error-message-string err)))
                "Fovea: loud is not one of quiet, full and off")
         "a wrong preset")
  (let ((before (heat)))
    (fovea-heat-take (list :version (1- fovea-version) :method "norm" :complete t :words [[0 0 2 12]] :unread []))
    (check (equal (heat) before) "stale heat was drawn"))
  ;; The server's next changes refer to its last heat.
  (fovea-restart)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

;; A message to a server that has just ended is an error in a window, and ends a batch Emacs.
(test "a server that is told to end is sent nothing more by timers"
  (let* ((log (make-temp-file "fovea-sent-"))
         (fovea-command (list "sh" "-c" (format "tee %s | %s serve" log the-program)))
         (sent (lambda ()
                  (with-temp-buffer
                    (insert-file-contents log)
                    (goto-char (point-min))
                    (let (methods)
                      (while (re-search-forward "\"method\":\"\\([^\"]+\\)\"" nil t) (push (match-string 1) methods))
                      methods)))))
    (fovea-restart)
    (wait "heat" (lambda () (and (heat) (heat-is-current))))
    (let ((timer (run-with-timer 0 0.001 #'fovea-send-settings)))
      (wait "settings" (lambda () (member "workspace/didChangeConfiguration" (funcall sent))))
      (fovea-stop)
      (cancel-timer timer))
    (let ((fovea-command (list the-program "serve"))) (fovea-restart))
    ;; Older versions of jsonrpc end the process before it reads the last message.
    (let ((after (seq-take-while (lambda (method) (not (equal method "shutdown"))) (funcall sent))))
      (check (member "shutdown" (funcall sent)) "it was not told to end" (funcall sent))
      (check (member after '(nil ("exit"))) "it was sent something afterwards" after))
    (delete-file log))
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "the legend shows every color, and its hint appears only once"
  (fovea-legend)
  (with-current-buffer "*Fovea legend*"
    (dolist (face '(fovea-heat-high fovea-heat-middle fovea-draws-strong fovea-draws-middle fovea-draws-weak fovea-unread))
      (check (text-property-any (point-min) (point-max) 'face face) "the legend lacks a face" face))
    (check (string-search "C-c _ w" (substring-no-properties (buffer-string))) "no key" (buffer-string)))
  (delete-other-windows)
  (switch-to-buffer the-config)
  (let ((user-emacs-directory (file-name-as-directory (make-temp-file "fovea-home-" t))))
    (dotimes (turn 2)
      (setq fovea-hint t said nil)
      (fovea--hint)
      (check (eq (= turn 0) (and (said-p "explains the colors") t)) "the hint" turn said))
    (delete-directory user-emacs-directory t))
  (setq said nil))

;;; Explanations of words

(test "eldoc explains the word at point in one line, and says nothing of a word that is not telling"
  (go "load_config(")
  (let (told)
    (wait "an answer" (lambda () told)
          (lambda () (fovea-eldoc-function (lambda (text &rest _) (setq told text)))))
    (check (string-match-p "load_config" told) "which word" told)
    (check (not (string-match-p "[`*\n]" told)) "Markdown or a second line" told)
    (check (< (string-width told) (frame-width)) "longer than the echo area" told))
  (check (string-suffix-p "…" (fovea--one-line (make-string 500 ?a))) "not cut")
  (check (equal (fovea--one-line "a\n\n  b") "a · b") "not joined")
  (check (equal (fovea--one-line (concat "a sentence\n" (make-string 500 ?b))) "a sentence") "a cut line remains")
  (check (memq #'fovea-eldoc-function eldoc-documentation-functions) "eldoc does not ask Fovea")
  (check (eq eldoc-documentation-strategy 'eldoc-documentation-compose) "other answers would hide Fovea's")
  (fovea-hover)
  (check (with-current-buffer "*fovea*" (string-match-p "load_config" (buffer-string))) "no hover")
  (switch-to-buffer the-config)
  (go "let text")
  (setq said nil)
  (fovea-hover)
  (check (said-p "not one of the telling ones") "there is no message" said))

(test "fovea-why shows the numbers of the word at point, and folds the method and the residual"
  (go "load_config(")
  (fovea-why)
  (with-current-buffer "*fovea explain*"
    (check (string-match-p "load_config is .*most telling word of load_config: it carries [0-9.]+% (rank [0-9]+ of [0-9]+)" (buffer-string)) "numbers" (buffer-string))
    (check (string-match-p "The model reads it with .* ([0-9.]+%)" (buffer-string)) "the words that it draws on" (buffer-string))
    (goto-char (point-min))
    (search-forward "residual")
    (check (invisible-p (match-beginning 0)) "the residual is visible")
    (fovea-unfold)
    (check (not (invisible-p (match-beginning 0))) "details do not unfold")
    (fovea-unfold)
    (check (invisible-p (match-beginning 0)) "details do not fold"))
  (delete-other-windows)
  (switch-to-buffer the-config)
  (goto-char (point-max))
  (insert "\n")
  (check (string-match-p "no word here" (condition-case err (progn (goto-char (point-max)) (fovea-why) "") (user-error (error-message-string err))))
         "no word")
  (revert-buffer t t t)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "fovea-trust says in a sentence whether the marked words matter, and shows the curve"
  (switch-to-buffer the-config)
  (go "load_config(")
  (fovea-trust)
  (with-current-buffer "*fovea explain*"
    (let ((text (buffer-string)))
      (check (string-match-p "\\`Removing" text) "the verdict" text)
      (check (string-match-p "How far the embedding turns" text) "the curve" text)
      (check (string-match-p "without [0-9]+ words at random, mean of [0-9]+ draws" text) "the random words" text)))
  (delete-other-windows)
  (switch-to-buffer the-config))

(defun mark-draws ()
  "Mark the words that the word at point draws on, and wait for the marks."
  (wait "marks" (lambda () (overlays 'fovea-highlight)) #'fovea-highlight-now))

(test "words that the word at point draws on are marked apart from Eglot's marks, until point moves"
  (switch-to-buffer the-config)
  (go "read_to_string")
  (let ((here (cons (point) nil)))
    (mark-draws)
    (fovea--rested)
    (dolist (overlay (overlays 'fovea-highlight))
      (check (memq (overlay-get overlay 'face) '(fovea-draws-strong fovea-draws-middle fovea-draws-weak)) "face" overlay)
      (check (string-match-p "[[:alnum:]]" (text-of overlay)) "punctuation is marked" (text-of overlay))
      (check (not (string= (text-of overlay) "read_to_string")) "an occurrence of the word itself is marked" here))
    (check (> (length (seq-uniq (mapcar (lambda (one) (overlay-get one 'face)) (overlays 'fovea-highlight)))) 1) "one strength"))
  (run-hooks 'post-command-hook)
  (check (overlays 'fovea-highlight) "the marks disappeared although point did not move")
  (forward-line)
  (run-hooks 'post-command-hook)
  (check (null (overlays 'fovea-highlight)) "they stay")
  (let ((eglot--managed-mode t))
    (fovea--rested)
    (wait "marks beside Eglot" (lambda () (overlays 'fovea-highlight))
          (lambda () (go "read_to_string") (fovea--rested))))
  (let ((fovea-highlight nil))
    (fovea--unhighlight)
    (setq fovea--drawn-at nil)
    (fovea--rested)
    (check (not fovea--draws-request) "the server was asked although it is off"))
  (goto-char (point-min))
  (run-hooks 'post-command-hook))

(test "a server that does not know fovea/drawsOn is asked for highlights instead"
  (go "read_to_string")
  (let ((ask (symbol-function 'fovea-request-async)) asked)
    (cl-letf (((symbol-function 'fovea-request-async)
               (lambda (method params done &optional failed &rest _)
                 (push method asked)
                 (if (eq method :fovea/drawsOn)
                     (funcall failed '(:code -32601 :message "Method not found"))
                   (funcall ask method params done failed))))
              (fovea-settings fovea-settings))
      (fovea-highlight-now))
    (check (memq :textDocument/documentHighlight asked) "not asked" asked))
  (fovea--show-draws (fovea--from-highlights [(:range (:start (:line 0 :character 4) :end (:line 0 :character 9)) :kind 3)]))
  (check (equal (mapcar (lambda (one) (overlay-get one 'face)) (overlays 'fovea-highlight)) '(fovea-draws-strong)) "not drawn")
  (fovea--unhighlight))

;;; Places

(test "fovea-search finds items by meaning in files that are not open, and goes there"
  (setq chosen "median")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the place" (lambda () (looking-at-p "median"))
          (lambda () (ignore-errors (fovea-search "middle of a sorted list of numbers")))))
  (check (string-prefix-p "median · " (car offered)) "the best item is not first, or does not begin with its name" offered)
  ;; The name completes with the default completion styles of Emacs.
  (let ((completion-styles '(basic partial-completion emacs22)))
    (check (equal (completion-try-completion "media" collection-offered nil 5)
                  (cons (car offered) (length (car offered))))
           "a name does not complete" (completion-try-completion "media" collection-offered nil 5)))
  (let ((behind (funcall (alist-get 'annotation-function (cdr (funcall collection-offered "" nil 'metadata))) (car offered))))
    (check (string-match-p "≈ 0\\.[0-9]+" behind) "there is no score after the name" behind))
  (check (string-suffix-p "preferences.py" buffer-file-name) "the file" buffer-file-name)
  (switch-to-buffer the-config))

(test "fovea-view opens the page of this buffer in a browser"
  (let (opened)
    (cl-letf (((symbol-function 'browse-url) (lambda (address &rest _) (setq opened address))))
      (fovea-view))
    (check (string-match-p "\\`http://127\\.0\\.0\\.1:[0-9]+/[0-9a-f]+/\\'" opened) "the address" opened)))

(test "fovea-ask goes to the answer of a question, and marks it and its most important words"
  (setq chosen "def median")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the answer" (lambda () (looking-at-p "def median"))
          (lambda () (ignore-errors (fovea-ask "how is the median of numbers computed?")))))
  (check (string-suffix-p "preferences.py" buffer-file-name) "the file" buffer-file-name)
  (let ((marked (mapcar (lambda (overlay) (buffer-substring-no-properties (overlay-start overlay) (overlay-end overlay)))
                        (overlays 'fovea-ask))))
    (check (member "median" marked) "the word is not marked" marked)
    (check (seq-some (lambda (text) (string-prefix-p "def median(numbers" text)) marked) "the answer is not marked" marked))
  (fovea-trust)
  (with-current-buffer "*fovea explain*"
    (check (string-match-p "\\`Removing .*\\(?:.\\|\n\\)*How far the score of the answer falls" (buffer-string)) "the verdict" (buffer-string)))
  (delete-other-windows)
  (insert " ")
  (check (null (overlays 'fovea-ask)) "marks of a text that was edited")
  (primitive-undo 1 buffer-undo-list)
  (set-buffer-modified-p nil)
  (let (said)
    (cl-letf (((symbol-function 'message) (lambda (format &rest rest) (when format (setq said (apply #'format format rest))))))
      (fovea-ask "Which treaty ended the Thirty Years' War?"))
    (check (equal said "Fovea: nothing here answers that") "the message without an answer" said))
  (switch-to-buffer the-config))

(defconst the-question "how is the median of numbers computed?")

(test "fovea-answer says what to set if no model writes"
  (let ((problem (condition-case err (progn (fovea-answer the-question) "") (error (error-message-string err)))))
    (check (string-search "writes no text; set fovea.model.generator" problem) "the reason" problem))
  (cl-letf (((symbol-function 'read-string) (lambda (&rest _) (error "Asked for a question"))))
    (let ((problem (condition-case err (progn (call-interactively #'fovea-answer) "") (error (error-message-string err)))))
      (check (string-search "No model here writes text" problem) "the reason without a question" problem)))
  (check (null (get-buffer "*Fovea Answer*")) "there is an answer"))

(test "fovea-ask says once that a model can write an answer"
  (customize-set-variable 'fovea-server-model-generator (expand-file-name "tests/fixtures/tiny-chat" the-root))
  (setq chosen "def median")
  (dolist (expected '(t nil))
    (setq said nil)
    (cl-letf (((symbol-function 'completing-read) #'choose))
      (fovea-ask the-question))
    (check (said-p "Fovea: median for median +0.") "the message" said)
    (check (eq expected (and (said-p "C-c _ Q writes an answer") t)) "the mention" said)
    (fovea-ask-clear)
    (switch-to-buffer the-config)))

(test "fovea-answer shows what a model writes, with the passages that each sentence draws on"
  (check (eq (key-binding (kbd "C-c _ Q")) #'fovea-answer) "no key")
  (fovea-answer the-question)
  (check (equal (buffer-name) "*Fovea Answer*") "the buffer" (current-buffer))
  (check (= (length (window-list)) 2) "windows" (window-list))
  (check (string-match-p
          (concat "\\`" (regexp-quote the-question)
                  "\n\n.+\n  tools/preferences\\.py:[0-9]+-[0-9]+ · .* times less likely without it\n")
          (buffer-string))
         "the answer" (buffer-string))
  (check (string-search "\ntiny-chat wrote this. Check it: a sentence" (buffer-string)) "the advice" (buffer-string)))

(test "RET on a source of an answer opens the place beside it and marks it, and q closes the answer"
  (with-current-buffer "*Fovea Answer*"
    (let ((first (string-to-number (progn (string-match "py:\\([0-9]+\\)-" (buffer-string)) (match-string 1 (buffer-string)))))
          (window (selected-window)))
      (check (button-at (point)) "point is not on a source" (point))
      (call-interactively (key-binding (kbd "RET")))
      (set-buffer (window-buffer))
      (check (string-suffix-p "preferences.py" buffer-file-name) "the file" (current-buffer))
      (check (= (line-number-at-pos) first) "the line" (line-number-at-pos) first)
      (check (equal (mapcar (lambda (one) (overlay-get one 'face)) (overlays 'fovea-ask)) '(fovea-answer)) "the mark")
      (check (equal (buffer-name (window-buffer window)) "*Fovea Answer*") "the answer is not on screen" (window-list))
      (fovea-ask-clear)
      (select-window window)
      (call-interactively (key-binding (kbd "q")))
      (check (not (get-buffer-window "*Fovea Answer*")) "the answer is on screen" (window-list))))
  (delete-other-windows)
  (switch-to-buffer the-config))

(test "fovea-answer with a prefix argument asks only this document, and says if nothing answers"
  (setq said nil)
  (fovea-answer "Which treaty ended the Thirty Years' War?" t)
  (check (said-p "Fovea: nothing here answers that") "the message" said)
  (fovea-answer "how is a configuration file read?" t)
  (check (string-search "  src/config.rs:" (buffer-string)) "no source" (buffer-string))
  (check (not (string-search "settings.rs:" (buffer-string))) "another document" (buffer-string))
  (quit-window)
  (delete-other-windows)
  (switch-to-buffer the-config)
  (customize-set-variable 'fovea-server-model-generator 'default))

(test "an answer says what it does not draw on, what it draws on only together, and that it is incomplete"
  (with-temp-buffer
    (let ((fovea--folders '("/p"))
          (passage (lambda (first last)
                     (list :uri "file:///p/a.md" :range (list :start (list :line first :character 0) :end (list :line last :character 0))))))
      (fovea--answer-insert "Why?" (list :model "A model" :cut t :passages (vector (funcall passage 2 5) (funcall passage 6 7))
                                         :sentences [(:text "So it is." :sources [] :withoutAllTold "1.2 times less likely")])))
    (check (equal (buffer-substring-no-properties (point-min) (point-max))
                  "Why?

So it is.
  from no single passage; without all of them 1.2 times less likely

read and not used: a.md:3-5
read and not used: a.md:7
A model wrote this. Check it: a sentence that draws on a passage may still be wrong.
The answer reached its maximum length, so its last sentence may be incomplete.
")
           "the text" (buffer-string))))

(test "sentences appear while a model writes, and C-g cancels it at the server"
  (let (cancelled)
    (setq said nil)
    (cl-letf (((symbol-function 'fovea-request-async) (lambda (&rest _) 4712))
              ((symbol-function 'fovea-cancel) (lambda (request) (push request cancelled)))
              ((symbol-function 'accept-process-output)
               (let ((turn 0))
                 (lambda (&rest _)
                   (setq turn (1+ turn))
                   (sleep-for 0.2)
                   (fovea-take-progress (list :token (car fovea--progress)
                                              :value '(:kind "report" :message "It is in the middle." :percentage 100)))
                   (when (> turn 3) (signal 'quit nil))))))
      (check (eq 'stopped (condition-case nil (fovea-answer the-question) (quit 'stopped))) "it was not stopped"))
    (check (equal cancelled '(4712)) "the server was not told" cancelled)
    (check (said-p "writing an answer… It is in the middle. (C-g stops)") "no sentence" said)))

(test "fovea-similar goes to the item that is similar to the one at point"
  (go "config.insert")
  (setq chosen "read_settings")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the place"
          ;; The server opens the only similar item: the window shows another buffer than the current one.
          (lambda ()
            (set-buffer (window-buffer))
            (looking-at-p "read_settings"))
          (lambda () (when (eq (current-buffer) the-config) (fovea-similar)))))
  (check (string-suffix-p "settings.rs" buffer-file-name) "the file" buffer-file-name)
  (switch-to-buffer the-config))

(defun lit () "The marked words in a side of a comparison as (TEXT . FACE)."
       (mapcar (lambda (overlay) (cons (text-of overlay) (overlay-get overlay 'face)))
               (seq-filter (lambda (overlay) (not (eq (overlay-get overlay 'face) 'fovea-focus)))
                           (overlays 'fovea-compare))))

(test "an item of a store opens its web page, and one without a page is shown as a message"
  (let* ((at '(:start (:line 39 :character 3) :end (:line 39 :character 9)))
         (page "https://git.example/backend/blob/main/src/auth.rs#L40")
         (store '(:folder "team/backend" :path "src/auth.rs"))
         (item (list :uri page :range at :selection at :name "verify" :score 0.83 :store store))
         opened)
    (let ((browse-url-browser-function (lambda (url &rest _) (setq opened url))))
      (fovea--go item))
    (check (equal opened page) "the page" opened)
    (let ((line (fovea--describe item)))
      (check (equal line "verify · team/backend: src/auth.rs:40") "the line" line))
    (let ((told (fovea--go (plist-put item :uri "fovea-store:///team/backend/src/auth.rs"))))
      (check (equal told "Fovea: verify · team/backend: src/auth.rs:40") "the message" told))))

(defun compare-here ()
  "Compare load_config with its similar item."
  (switch-to-buffer the-config)
  (go "config.insert")
  (setq chosen "read_settings")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the comparison" (lambda () (derived-mode-p 'fovea-compare-mode))
          (lambda () (when (eq (current-buffer) the-config) (fovea-compare))))))

(test "a comparison begins with a sentence and the shared words, and shows both passages dedented and colored"
  (compare-here)
  (check (= (length (window-list)) 3) "windows" (window-list))
  (let ((summary (fovea-comparison-summary fovea--comparison)))
    (check (eq (window-buffer (frame-first-window)) summary) "the summary is not on top")
    (with-current-buffer summary
      (check (string-match-p "\\`[A-Z].*[.]\nShared: .*\n" (buffer-string)) "no sentence" (buffer-string))
      (goto-char (point-min))
      (search-forward "cosine 0.")
      (check (invisible-p (match-beginning 0)) "numbers are visible")
      (search-forward "residual")
      (fovea-compare-details)
      (check (not (invisible-p (match-beginning 0))) "numbers do not unfold")))
  (check (string-search "pub fn load_config" (buffer-string)) "the left side" (buffer-string))
  (check (with-current-buffer (fovea--other) (string-search "pub fn read_settings" (buffer-string))) "the right side")
  (let ((passage (fovea-passage (fovea-path-to-uri (file "tools/preferences.py"))
                                '(:start (:line 0 :character 0) :end (:line 20 :character 0)))))
    (with-current-buffer (fovea--side-buffer 0 passage)
      (go "def ")
      (check (memq 'font-lock-keyword-face (ensure-list (get-text-property (point) 'face))) "the code has no colors of its mode")
      (kill-buffer)))
  (check (> (length (overlays 'fovea-compare)) 1) "nothing is marked"))

(test "t in a comparison says whether the words that count most matter"
  (check (eq (key-binding "t") #'fovea-trust) "the key")
  (save-window-excursion
    (fovea-trust)
    (with-current-buffer "*fovea explain*"
      (check (string-match-p "\\`Removing .*\\(?:.\\|\n\\)*How far the similarity falls" (buffer-string)) "the verdict" (buffer-string)))))

(test "the word at point marks its partners on the other side by its row, which is requested only once"
  (go "config = BTreeMap")
  (fovea-compare-follow)
  (let* ((index (fovea--word-at-point))
         (row (wait "the row" (lambda () (fovea--row fovea--comparison 0 index))))
         (words (buffer-local-value 'fovea--words (fovea--other)))
         expected)
    (check (= (length row) (length words)) "the row" (length row) (length words))
    (fovea-compare-follow)
    (setq expected (cl-loop for level in (append (fovea--partners row) nil) for word across words
                            when (> level 0) collect (cons (nth 3 word) (fovea-heat-face level))))
    (check (> (length expected) 2) "too few partners" expected)
    (check (equal (with-current-buffer (fovea--other) (lit)) expected) "partners"
           (with-current-buffer (fovea--other) (lit)) expected)
    (cl-letf (((symbol-function 'fovea-request-async) (lambda (&rest _) (error "Asked again"))))
      (fovea-compare-follow)))
  (fovea-compare-other-side)
  (check (= fovea--side 1) "the other side")
  (fovea-compare-quit)
  (check (eq (current-buffer) the-config) "the buffer afterwards" (current-buffer))
  (check (= (length (window-list)) 1) "windows remain" (window-list)))

(test "fovea-compare on two regions compares these, and shows numbers of the languages if they are known"
  (go "for (a, b)")
  (fovea-compare (point) (line-end-position 3))
  (go "for line in")
  (fovea-compare (point) (line-end-position 3))
  (check (derived-mode-p 'fovea-compare-mode) "no comparison")
  (check (string-prefix-p "for (a, b)" (buffer-string)) "not dedented" (buffer-string))
  (check (string-match-p "^    sum" (buffer-string)) "the inner indentation" (buffer-string))
  (seq-do (lambda (word)
            (check (equal (nth 3 word) (buffer-substring-no-properties (nth 0 word) (nth 1 word))) "a word is in the wrong place" word))
          fovea--words)
  (fovea-compare-quit)
  (check (string-search "languages 0.180 · similarity 0.570"
                        (fovea-compare-figures '(:cosine 0.6 :residual 1e-5 :centered (:cosine 0.5 :similarity 0.57 :common 0.18))))
         "figures"))

(test "a passage loses the indentation that all of its lines share, with or without blank lines"
  (check (equal (fovea-dedent "    a:\n\n      b\n    c\n") '("a:\n\n  b\nc\n" . [4 0 4 4 0])) "dedented" (fovea-dedent "    a:\n\n      b\n    c\n"))
  (check (equal (fovea-dedent "a:\n      b\n    c") '("a:\n  b\nc" . [0 4 4])) "from within a line" (fovea-dedent "a:\n      b\n    c"))
  (check (equal (fovea-dedent "") '("" . [0])) "nothing" (fovea-dedent "")))

(test "an older server's matrix is enough for a comparison, and a long title is cut to its window"
  (let* ((first (make-fovea-passage-data :text "def load(path):\n    read(path)" :language "python" :uri "file:///a.py" :line 0))
         (second (make-fovea-passage-data :text (concat "def save(" (make-string 300 ?x) "):\n    pass") :language "python" :uri "file:///b.py" :line 4))
         (word (lambda (line start end text) (list :start (list :line line :column start) :end (list :line line :column end) :score 0.2 :text text)))
         (answer (list :cosine 0.5 :residual 1e-5
                       :a (list :words (vector (funcall word 0 4 8 "load") (funcall word 1 4 8 "read")) :bias 0.01)
                       :b (list :words (vector (funcall word 0 4 8 "save")) :bias 0.02)
                       :pairs [[0.3 0.0 0.0] [0.1 0.0 0.0] [0.05 0.0 0.0] [0.0 0.0 0.0]])))
    (fovea-compare-show answer first second)
    (check (with-current-buffer (fovea-comparison-summary fovea--comparison) (string-search "Shared: load ~ save" (buffer-string)))
           "shared" (with-current-buffer (fovea-comparison-summary fovea--comparison) (buffer-string)))
    (cl-letf (((symbol-function 'fovea-request-async) (lambda (&rest _) (error "The matrix contains the row"))))
      (go "read")
      (fovea-compare-follow))
    (check (equal (with-current-buffer (fovea--other) (mapcar #'car (lit))) '("save")) "partners")
    (with-selected-window (get-buffer-window (fovea--other))
      (check (<= (string-width (fovea--cut-title)) (window-width)) "the title is too long" (fovea--cut-title))
      (check (string-suffix-p "…" (fovea--cut-title)) "not cut" (fovea--cut-title)))
    (fovea-compare-quit))
  (switch-to-buffer the-config))

(test "a comparison may take longer than other requests"
  (let ((jsonrpc-default-request-timeout 0.001) (passage '(:text "def load(path):\n    return open(path).read()" :language "python")))
    (check (numberp (plist-get (fovea-wait "comparing" "fovea.comparePassages" passage passage) :cosine)) "no answer")))

(test "C-g stops a comparison in Emacs and in the server, and progress is shown"
  (let (cancelled)
    (cl-letf (((symbol-function 'fovea-request-async) (lambda (&rest _) 4711))
              ((symbol-function 'fovea-cancel) (lambda (request) (push request cancelled)))
              ((symbol-function 'accept-process-output)
               (let ((turn 0))
                 (lambda (&rest _)
                   (setq turn (1+ turn))
                   (sleep-for 0.2)
                   (fovea-take-progress (list :token (car fovea--progress) :value '(:kind "report" :percentage 40)))
                   (when (> turn 3) (signal 'quit nil))))))
      (check (eq 'stopped (condition-case nil (fovea-wait "comparing" "fovea.comparePassages") (quit 'stopped))) "the comparison was not stopped"))
    (check (equal cancelled '(4711)) "the server was not told" cancelled)
    (check (said-p "comparing… 40 % (C-g stops)") "no progress" (seq-take said 4))))

(test "fovea-explain-region lists the words of a region, most telling first, and folds the method"
  (go "let text")
  (fovea-explain-region (point) (line-end-position 2))
  (with-current-buffer "*fovea explain*"
    (goto-char (point-min))
    (search-forward "decomposition")
    (check (invisible-p (match-beginning 0)) "the method is visible")
    (goto-char (point-min))
    (let (scores)
      (while (re-search-forward "^ +\\([0-9.]+\\)% " nil t) (push (string-to-number (match-string 1)) scores))
      (check (> (length scores) 3) "too few words" (buffer-string))
      (check (equal scores (sort (copy-sequence scores) #'<)) "the words are not in order" scores)))
  (delete-other-windows)
  (switch-to-buffer the-config))

;;; Switches and settings

(test "method, pause and settings show in the mode line and in the heat"
  (fovea-set-method "norm")
  (wait "the method" (lambda () (and (string-search "norm" (fovea-lighter))
                                     (equal (plist-get fovea-heat-last :method) "norm"))))
  (fovea-set-attention 3 7)
  (wait "one map" (lambda () (and (string-search "attention L3 H7" (fovea-lighter))
                                  (equal (plist-get fovea-heat-last :method) "attention"))))
  (fovea-set-attention nil nil)
  (wait "all maps" (lambda () (not (string-search "L3" (fovea-lighter)))))
  (setq said nil)
  (fovea-pause)
  (check (said-p "paused; ") "no message" said)
  (wait "paused" (lambda () (string-search "paused" (fovea-lighter))))
  (fovea-resume)
  (wait "resumed" (lambda () (not (string-search "paused" (fovea-lighter)))))
  (customize-set-variable 'fovea-settings '(:method "alti" :heat (:preset "full") :excludePatterns ["**/config.rs"]))
  (wait "the reason" (lambda () (string-search "inactive" (fovea-lighter))))
  ;; The server sends the status before the empty heat.
  (wait "no heat" (lambda () (null (heat))))
  (fovea-status)
  (check (said-p "not analyzed") "the message has no reason" said)
  (customize-set-variable 'fovea-settings '(:method "decomposition" :heat (:preset "full") :excludePatterns []))
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "the mode line shows the progress of the index"
  (let ((fovea--status (append (list :index '(:state "indexing" :items 3 :done 34 :total 560)) fovea--status)))
    (check (string-search "indexing 34/560" (fovea-lighter)) "the lighter" (fovea-lighter))))

(defun documented ()
  "The settings of docs/settings.md: (KEY . DEFAULT), as JSON has it."
  (with-temp-buffer
    (insert-file-contents (expand-file-name "docs/settings.md" the-root))
    (cl-loop while (re-search-forward "^| `fovea\\.\\([a-zA-Z.]+\\)` | .* | `\\([^`]*\\)` | " nil t)
             collect (cons (match-string 1) (match-string 2)))))

(test "every documented setting is an option with its default, and the server knows every option"
  (let ((rows (documented)))
    (check (> (length rows) 25) "too few settings" rows)
    (dolist (row rows)
      (let ((known (assoc (car row) fovea-server-table)))
        (check known "run tests/editors/emacs_settings.py: a setting is missing" row)
        (check (equal (json-serialize (nth 1 known) :false-object :json-false) (json-serialize (json-parse-string (cdr row) :false-object :json-false) :false-object :json-false))
               "another default" row known)
        (check (custom-variable-p (fovea-server-option (car row))) "no option" row))))
  (check (null (fovea--chosen-settings)) "a setting is sent although the user did not set it" (fovea--chosen-settings))
  (setq said nil)
  (let ((fovea-settings (cl-loop for row in fovea-server-table
                                 unless (member (nth 0 row) '("heat.preset" "positionEncoding"))
                                 append (list (intern (concat ":" (nth 0 row))) (nth 1 row)))))
    (fovea-send-settings)
    ;; The server reports an unknown setting, so it would report the others, too.
    (setq fovea-settings '(:noSuchSetting t))
    (fovea-send-settings)
    (wait "the complaint" (lambda () (said-p "noSuchSetting"))))
  (dolist (row fovea-server-table)
    (check (not (said-p (nth 0 row))) "the server does not know" row said))
  (customize-set-variable 'fovea-server-hover-words 5)
  (check (equal (gethash "hover.words" (fovea-settings)) 5) "not sent" (fovea-settings))
  (let ((fovea-settings '(:hover (:words 2))))
    (check (not (gethash "hover.words" (fovea-settings))) "the property list does not override the option" (fovea-settings)))
  (customize-set-variable 'fovea-server-hover-words 'default)
  (fovea-send-settings))

(test "a line above an item names the most similar one, by key and by mouse, and moves with the text"
  (switch-to-buffer the-config)
  (let ((lens (car (wait "the lens" (lambda () (overlays 'fovea-lens)) #'fovea-lenses-refresh))))
    (check (string-match-p "≈ 0\\.[0-9]+ read_settings" (overlay-get lens 'before-string)) "title" (overlay-get lens 'before-string))
    (check (eq (lookup-key (get-text-property 0 'keymap (overlay-get lens 'before-string)) [mouse-1]) #'fovea-lens-click) "no mouse")
    (save-excursion
      (goto-char (overlay-start lens))
      (check (looking-at-p "pub fn load_config") "point is in the wrong place" (buffer-substring (point) (line-end-position)))
      (goto-char (point-min))
      (insert "// above\n")
      (goto-char (overlay-start lens))
      (check (looking-at-p "pub fn load_config") "the line did not move")))
  (revert-buffer t t t)
  (wait "the lens again" (lambda () (overlays 'fovea-lens)) #'fovea-lenses-refresh)
  (go "config.insert")
  (call-interactively (key-binding (kbd "C-c _ l")))
  (check (string-suffix-p "settings.rs" buffer-file-name) "the file" buffer-file-name)
  (check (looking-at-p "read_settings") "the place")
  (switch-to-buffer the-config)
  (let ((fovea-lenses nil)) (fovea-lenses-refresh))
  (check (null (overlays 'fovea-lens)) "there are lenses although they are off"))

(test "lenses are asked for again if the server asked for it before it answered"
  (fovea-lenses-refresh)
  (let ((waiting fovea--lens-timer))
    (fovea--draw-lenses (current-buffer) (cons (buffer-chars-modified-tick) fovea--lens-turn) nil)
    (check (memq waiting timer-list) "the question was cancelled"))
  (wait "the lens" (lambda () (overlays 'fovea-lens))))

(test "the keys do not conflict with modes of Emacs"
  (check (eq (key-binding (kbd "C-c _ /")) #'fovea-search) "no key")
  (dolist (library '(python js ruby-mode cc-mode sh-script lisp-mode conf-mode org tex-mode outline flymake eglot hideshow
                     smerge-mode rst cperl-mode make-mode css-mode sgml-mode nxml-mode octave sql f90))
    (require library nil t))
  (mapatoms (lambda (symbol)
              (when (and (string-suffix-p "-mode-map" (symbol-name symbol)) (boundp symbol) (keymapp (symbol-value symbol))
                         (not (eq symbol 'fovea-mode-map)))
                (let ((bound (ignore-errors (lookup-key (symbol-value symbol) (kbd "C-c _")))))
                  (check (or (null bound) (numberp bound)) "a clash" symbol))))))

(finish)

;;; emacs_test.el ends here
