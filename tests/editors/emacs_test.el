;;; emacs_test.el --- Drives a real Emacs against a real server  -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -l emacs_test.el FOVEA
;;
;; One session, as a person has one: the tests run in order and share the
;; server.  Everything that takes time is waited for by condition.

;;; Code:

(defvar eglot--managed-mode)

(load (expand-file-name "emacs_harness.el" (file-name-directory load-file-name)) nil t)

;;; The package

(defun emacs-says (&rest arguments)
  "What another Emacs prints when it is called with ARGUMENTS."
  (let ((dump (car (file-expand-wildcards (expand-file-name "emacs-*.pdmp" exec-directory)))))
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
      ;; Its guess at what is a verb in the wrong form takes "highlights" for one.
      (push (emacs-says "--eval" (format "(progn (require 'checkdoc) (setq checkdoc-verb-check-experimental-flag nil) (checkdoc-file %S))" source))
            warnings))
    (delete-directory target t)
    (setq warnings (seq-remove #'string-blank-p warnings))
    (check (not warnings) "warnings" warnings)))

(test "the global mode turns on in a file of code, and the server says that it is ready"
  (begin)
  (check fovea-mode "the mode is off")
  (check (equal (plist-get fovea--status :health) "ok") "health" fovea--status)
  (check (string-match-p "Fovea:decomposition" (fovea-lighter)) "the lighter" (fovea-lighter)))

;;; Heat

(test "heat covers whole words, with the levels that the server sent"
  (wait "heat" #'heat-is-current)
  (check-drawn)
  (check (> (length (seq-uniq (mapcar #'cdr (heat)))) 3) "all words have nearly the same level")
  (dolist (word (heat))
    (check (not (string-match-p "[[:space:]]" (car word))) "a mark covers blanks" word)))

(test "heat counts characters right after letters of several bytes"
  (go "default configuration")
  (let ((words (seq-filter (lambda (overlay) (and (>= (overlay-start overlay) (point))
                                                  (< (overlay-start overlay) (line-end-position))))
                           (overlays 'fovea-heat))))
    (check words "no heat after the emoji")
    (dolist (word words)
      (check (string-search (text-of word) "default configuration") "a mark covers" (text-of word)))))

(test "the faces grow from the background, dark and light"
  (dolist (case '((dark "#202020") (light "#fafafa")))
    (cl-letf (((symbol-function 'frame-parameter) (lambda (&rest _) (car case)))
              ((symbol-function 'face-background) (lambda (&rest _) (cadr case))))
      (fovea-heat-define-faces))
    (let ((ground (fovea--rgb (cadr case))))
      (cl-flet ((distance (level)
                  (apply #'+ (cl-mapcar (lambda (a b) (abs (- a b)))
                                        (fovea--rgb (face-attribute (fovea-heat-face level) :background)) ground))))
        (cl-loop for level from 2 to 12
                 do (check (> (distance level) (distance (1- level))) "no hotter than the one below" case level))))))

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
    (check (>= least (* 0.9 (length before))) "words lost their heat meanwhile" least (length before))
    (check-drawn)
    (go "ordered map")
    (check (seq-some (lambda (overlay) (and (>= (overlay-start overlay) (line-beginning-position))
                                            (<= (overlay-end overlay) (line-end-position))))
                     (overlays 'fovea-heat))
           "no heat on the new line")))

(test "edits of all kinds lead to the heat of the text as it is"
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
  ;; And the server's text is ours: a word that exists only here is explained.
  (go "naïve")
  (revert-buffer t t t)
  (wait "heat after reverting" #'heat-is-current)
  (check-drawn))

(test "in a long file what is on screen is drawn at once, and soon every line"
  (let ((unit (with-current-buffer the-config
                (save-excursion (go "/// The scalar product")
                                (buffer-substring-no-properties (point) (point-max))))))
    (with-temp-file (file "src/long.rs")
      (dotimes (_ 1100) (insert unit)))
    (switch-to-buffer (find-file-noselect (file "src/long.rs")))
    (unless (derived-mode-p 'prog-mode) (prog-mode))
    (check (> (count-lines (point-min) (point-max)) 8000) "not long")
    (wait "heat" #'heat-is-current)
    (check (> (length (overlays 'fovea-heat)) 10000) "hardly any heat")
    (check (= (length (overlays 'fovea-heat)) (length (nth 1 fovea--heat))) "not every word is drawn")
    (goto-char (point-min))
    (insert "// once\n")
    (wait "heat" #'heat-is-current)
    (check (= (length (overlays 'fovea-heat)) (length (nth 1 fovea--heat))) "not every word is drawn after an edit")
    (set-buffer-modified-p nil)
    (kill-buffer)
    (delete-file (file "src/long.rs"))
    (switch-to-buffer the-config)))

(test "heat goes off and on, and stale heat is not drawn"
  (fovea-toggle-heat)
  (wait "no heat" (lambda () (null (heat))))
  (check (said-p "heat off") "what was said" said)
  (fovea-toggle-heat)
  (wait "heat" (lambda () (and (heat) (heat-is-current))))
  (let ((before (heat)))
    (fovea-heat-take (list :version (1- fovea-version) :method "norm" :complete t :words [[0 0 2 12]] :unread []))
    (check (equal (heat) before) "stale heat was drawn"))
  ;; The server builds on what it told last.
  (fovea-restart)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

;;; What a word is made of

(test "eldoc and the hover explain the word at point"
  (go "read_to_string")
  (let (told)
    (wait "an answer" (lambda () told)
          (lambda () (fovea-eldoc-function (lambda (text &rest _) (setq told text)))))
    (check (string-match-p "Fovea" told) "no title" told)
    (check (string-match-p "%" told) "no share" told)
    (check (not (string-match-p "\\*\\*" told)) "Markdown is left" told))
  (check (memq #'fovea-eldoc-function eldoc-documentation-functions) "eldoc does not ask us")
  (check (eq eldoc-documentation-strategy 'eldoc-documentation-compose) "other answers would hide ours")
  (fovea-hover)
  (check (with-current-buffer "*fovea*" (string-match-p "Fovea" (buffer-string))) "no hover"))

(test "what the word at point draws on is highlighted, and no more when point moves"
  (switch-to-buffer the-config)
  (go "read_to_string")
  (wait "highlights" (lambda () (overlays 'fovea-highlight)) #'fovea-highlight-now)
  (dolist (overlay (overlays 'fovea-highlight))
    (check (memq (overlay-get overlay 'face) '(fovea-draws-strong fovea-draws-middle fovea-draws-weak)) "face" overlay))
  (forward-line)
  (run-hooks 'post-command-hook)
  (check (null (overlays 'fovea-highlight)) "they stay")
  (check (fovea--highlight-p) "silent although nobody else highlights")
  (let ((eglot--managed-mode t))
    (check (not (fovea--highlight-p)) "not silent beside Eglot")))

;;; Places

(test "fovea-search finds by meaning what stands in files that are not open, and goes there"
  (setq chosen "median")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the place" (lambda () (looking-at-p "median"))
          (lambda () (ignore-errors (fovea-search "middle of a sorted list of numbers")))))
  (check (string-search "median · " (car offered)) "the best is not the first" offered)
  (check (string-suffix-p "preferences.py" buffer-file-name) "the file" buffer-file-name)
  (switch-to-buffer the-config))

(test "fovea-similar goes to what resembles the item at point"
  (go "config.insert")
  (setq chosen "read_settings")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the place"
          ;; The server opens the only one, which leaves this code in its buffer and the window in the other.
          (lambda ()
            (set-buffer (window-buffer))
            (looking-at-p "read_settings"))
          (lambda () (when (eq (current-buffer) the-config) (fovea-similar)))))
  (check (string-suffix-p "settings.rs" buffer-file-name) "the file" buffer-file-name)
  (switch-to-buffer the-config))

(defun lit () "What is lit in a side of a comparison: (TEXT . FACE)."
       (mapcar (lambda (overlay) (cons (text-of overlay) (overlay-get overlay 'face)))
               (seq-filter (lambda (overlay) (not (eq (overlay-get overlay 'face) 'fovea-focus)))
                           (overlays 'fovea-compare))))

(test "an item of a store opens its web page, and one without a page is told"
  (let* ((at '(:start (:line 39 :character 3) :end (:line 39 :character 9)))
         (page "https://git.example/backend/blob/main/src/auth.rs#L40")
         (store '(:folder "team/backend" :path "src/auth.rs"))
         (item (list :uri page :range at :selection at :name "verify" :score 0.83 :store store))
         opened)
    (let ((browse-url-browser-function (lambda (url &rest _) (setq opened url))))
      (fovea--go item))
    (check (equal opened page) "the page" opened)
    (let ((line (fovea--describe item)))
      (check (equal line "0.83 verify · team/backend: src/auth.rs:40") "the line" line))
    (let ((told (fovea--go (plist-put item :uri "fovea-store:///team/backend/src/auth.rs"))))
      (check (equal told "Fovea: 0.83 verify · team/backend: src/auth.rs:40") "what is told" told))))

(test "fovea-compare shows both passages, and lights the partners of the word at point by weight"
  (go "config.insert")
  (setq chosen "read_settings")
  (cl-letf (((symbol-function 'completing-read) #'choose))
    (wait "the comparison" (lambda () (derived-mode-p 'fovea-compare-mode))
          (lambda () (when (eq (current-buffer) the-config) (fovea-compare)))))
  (check (= (length (window-list)) 2) "windows" (window-list))
  (check (string-match-p "cosine 0\\.[0-9]+ · residual" header-line-format) "header" header-line-format)
  (check (string-search "pub fn load_config" (buffer-string)) "the left side" (buffer-string))
  (check (with-current-buffer fovea--other (string-search "pub fn read_settings" (buffer-string))) "the right side")
  (go "config = BTreeMap")
  (fovea-compare-follow)
  (let* ((index (seq-position fovea--words (point) (lambda (word at) (= (nth 0 word) at))))
         (row (seq-take (append (aref fovea--pairs index) nil) (length (buffer-local-value 'fovea--words fovea--other))))
         (most (apply #'max row))
         (expected (cl-loop for share in row
                            for word across (buffer-local-value 'fovea--words fovea--other)
                            when (>= share (* 0.08 most))
                            collect (cons (nth 3 word) (intern (format "fovea-heat-%d" (max 1 (round (* 12 (/ share most))))))))))
    (check (> (length expected) 2) "hardly a partner" expected)
    (check (equal (with-current-buffer fovea--other (lit)) expected) "partners"
           (with-current-buffer fovea--other (lit)) expected))
  (fovea-compare-other-side)
  (check (= fovea--side 1) "the other side")
  (fovea-compare-quit)
  (check (eq (current-buffer) the-config) "the buffer afterwards" (current-buffer)))

(test "fovea-compare on two regions compares these, and what languages have in common is told where known"
  (go "for (a, b)")
  (fovea-compare (point) (line-end-position 3))
  (go "for line in")
  (fovea-compare (point) (line-end-position 3))
  (check (derived-mode-p 'fovea-compare-mode) "no comparison")
  (fovea-compare-quit)
  (check (string-search "languages 0.180 · similarity 0.570"
                        (nth 1 (fovea-compare-headers '(:cosine 0.6 :residual 1e-5 :centred (:cosine 0.5 :similarity 0.57 :common 0.18)))))
         "header"))

(test "fovea-explain-region lists the words of a region, heaviest first"
  (go "let text")
  (fovea-explain-region (point) (line-end-position 2))
  (with-current-buffer "*fovea explain*"
    (check (string-match-p "decomposition" (buffer-string)) "no method" (buffer-string))
    (goto-char (point-min))
    (let (scores)
      (while (re-search-forward "^ +\\(-?[0-9.]+\\) [█ ]" nil t) (push (string-to-number (match-string 1)) scores))
      (check (> (length scores) 3) "hardly a word" (buffer-string))
      (check (equal scores (sort (copy-sequence scores) #'<)) "not in order" scores)))
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
  (fovea-pause)
  (wait "paused" (lambda () (string-search "paused" (fovea-lighter))))
  (fovea-resume)
  (wait "resumed" (lambda () (not (string-search "paused" (fovea-lighter)))))
  (customize-set-variable 'fovea-settings '(:method "alti" :excludePatterns ["**/config.rs"]))
  (wait "the reason" (lambda () (string-search "inactive" (fovea-lighter))))
  ;; The state is told first, and then that there is no heat.
  (wait "no heat" (lambda () (null (heat))))
  (fovea-status)
  (check (said-p "not analysed") "the reason is not told" said)
  (customize-set-variable 'fovea-settings '(:method "decomposition" :excludePatterns []))
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "the mode line says how far the index is"
  (let ((fovea--status (append (list :index '(:state "indexing" :items 3 :done 34 :total 560)) fovea--status)))
    (check (string-search "indexing 34/560" (fovea-lighter)) "the lighter" (fovea-lighter))))

(finish)

;;; emacs_test.el ends here
