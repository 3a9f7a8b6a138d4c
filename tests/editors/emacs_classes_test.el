;;; emacs_classes_test.el --- Classes by a probe, and predictions  -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -l emacs_classes_test.el FOVEA

;;; Code:

(load (expand-file-name "emacs_harness.el" (file-name-directory load-file-name)) nil t)

(defconst the-labels (expand-file-name "labels.csv" (make-temp-file "fovea-probe-" t)))
(defconst the-probe (concat (file-name-directory the-labels) "configuration.json"))
(copy-file (expand-file-name "probe/labels.csv" the-here) the-labels)
(call-process the-program nil nil nil "probe" "train" "--out" the-probe the-labels)

(defun class-lens ()
  "The lens that names a class."
  (seq-find (lambda (lens) (equal (plist-get (overlay-get lens 'fovea-lens-command) :command) "fovea.classify"))
            (overlays 'fovea-lens)))

(test "a line above a function names its class"
  (setq fovea-settings (list :heat '(:preset "full") :classify (list :probe the-probe)))
  (begin)
  (let ((lens (wait "the lens" #'class-lens #'fovea-lenses-refresh)))
    (check (string-match-p "configuration [.1]" (overlay-get lens 'before-string)) "title" (overlay-get lens 'before-string))))

(test "fovea-classify shows the words that decided, and so does the line"
  (go "read_to_string")
  (save-window-excursion (fovea-classify))
  (with-current-buffer "*Fovea Class*"
    (goto-char (point-min))
    (check (looking-at-p "load_config") "the name" (buffer-string))
    (check (string-match-p "%  configuration" (buffer-string)) "the classes" (buffer-string))
    (check (string-match-p "why configuration: logit \\+" (buffer-string)) "the reason" (buffer-string))
    (kill-buffer))
  (save-window-excursion (fovea--open-lens (overlay-get (class-lens) 'fovea-lens-command)))
  (check (get-buffer "*Fovea Class*") "the line shows no class"))

(test "fovea-relabel writes the label, and the probe learns it"
  (go "read_to_string")
  (let ((before (overlay-get (class-lens) 'before-string)))
    (fovea-relabel "other")
    (with-temp-buffer
      (insert-file-contents the-labels)
      (goto-char (point-max))
      (check (looking-back ",other,rust\n" (point-min)) "the file has no new label" (buffer-string)))
    (wait "another class"
          (lambda () (not (equal before (and (class-lens) (overlay-get (class-lens) 'before-string)))))
          #'fovea-lenses-refresh)))

(test "fovea-predict says that the built-in model cannot predict"
  (let ((problem (condition-case err (progn (fovea-predict) "") (error (error-message-string err)))))
    (check (string-search "set fovea.model.generator" problem) "the reason" problem)))

(test "fovea-predict marks the words that contribute to the chosen token"
  (let ((model (expand-file-name "tests/fixtures/tiny-llama" the-root)))
    (customize-set-variable 'fovea-settings (list :heat '(:preset "full") :model (list :dir model)))
    (wait "the model" (lambda () (and (equal (plist-get fovea--status :state) "ready")
                                      (string-search "tiny-llama" (or (plist-get fovea--status :model) "")))))
    (go "load_config")
    (setq chosen "" said nil)
    (cl-letf (((symbol-function 'completing-read) #'choose))
      (fovea-predict))
    (check (= (length offered) 10) "tokens" offered)
    (check (seq-some (lambda (line) (string-match-p "\\`Fovea: \".*\": .* [+-][0-9]" line)) said) "the words" said)
    (check (overlays 'fovea-ask) "no word is marked")
    (insert " ")
    (check (null (overlays 'fovea-ask)) "marks remain after an edit")
    (set-buffer-modified-p nil)))

(delete-directory (file-name-directory the-labels) t)
(finish)

;;; emacs_classes_test.el ends here
