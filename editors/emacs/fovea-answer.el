;;; fovea-answer.el --- Answers that a model writes  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Shows an answer that a model writes, and under each sentence the passages
;; without which the model would hardly have written it.  RET on a passage
;; opens and marks it.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-places)
(require 'fovea-ask)

(defvar-local fovea--answer-origin nil "The window in which the user asked.")

(define-derived-mode fovea-answer-mode special-mode "Fovea Answer"
  "The mode of an answer that a model wrote, with its sources."
  (visual-line-mode 1))

(define-key fovea-answer-mode-map (kbd "TAB") #'forward-button)
(define-key fovea-answer-mode-map (kbd "<backtab>") #'backward-button)

(defun fovea--answer-place (passage)
  "Where PASSAGE is: docs/api.md:3-6."
  (let* ((range (plist-get passage :range))
         (end (plist-get range :end))
         (first (1+ (plist-get (plist-get range :start) :line)))
         (last (+ (plist-get end :line) (if (> (plist-get end :character) 0) 1 0))))
    (format "%s:%s"
            (fovea-readable (plist-get passage :uri))
            (if (> last first) (format "%d-%d" first last) first))))

(defun fovea--answer-go (passage)
  "Go to PASSAGE beside the answer, and mark it."
  (let ((here (selected-window)))
    (if (and (window-live-p fovea--answer-origin) (not (eq fovea--answer-origin here)))
        (select-window fovea--answer-origin)
      ;; The answer stays on screen.
      (select-window (or (get-lru-window nil nil t) (split-window)))))
  (fovea--ask-show (list :uri (plist-get passage :uri) :range (plist-get passage :range))))

(defun fovea--answer-insert-place (passage)
  "Insert a button that goes to PASSAGE."
  (insert-text-button (fovea--answer-place passage)
                      'follow-link t
                      'help-echo "Go to the passage"
                      'action (lambda (_) (fovea--answer-go passage))))

(defun fovea--answer-insert-note (text)
  "Insert TEXT, which is not part of the answer."
  (insert (propertize text 'face 'shadow)))

(defun fovea--answer-insert-sentence (sentence passages)
  "Insert SENTENCE and the PASSAGES that it draws on."
  (insert (plist-get sentence :text) "\n")
  (seq-do (lambda (source)
            (insert "  ")
            (fovea--answer-insert-place (elt passages (plist-get source :passage)))
            (fovea--answer-insert-note (format " · %s less likely without it\n" (plist-get source :times))))
          (plist-get sentence :sources))
  (when (seq-empty-p (plist-get sentence :sources))
    (fovea--answer-insert-note (format "  from no single passage; without all of them %s\n"
                                       (plist-get sentence :withoutAllTold))))
  (insert "\n"))

(defun fovea--answer-insert-unused (written)
  "Insert the passages that no sentence of WRITTEN draws on."
  (let ((used (seq-mapcat (lambda (sentence)
                            (mapcar (lambda (source) (plist-get source :passage)) (plist-get sentence :sources)))
                          (plist-get written :sentences))))
    (seq-do-indexed (lambda (passage index)
                      (unless (memq index used)
                        (fovea--answer-insert-note "read and not used: ")
                        (fovea--answer-insert-place passage)
                        (insert "\n")))
                    (plist-get written :passages))))

(defun fovea--answer-insert (question written)
  "Insert QUESTION and the answer WRITTEN."
  (insert (propertize question 'face 'bold) "\n\n")
  (seq-do (lambda (sentence) (fovea--answer-insert-sentence sentence (plist-get written :passages)))
          (plist-get written :sentences))
  (fovea--answer-insert-unused written)
  (fovea--answer-insert-note
   (format "%s wrote this. Check it: a sentence that draws on a passage may still be wrong.\n" (plist-get written :model)))
  (when (eq (plist-get written :cut) t)
    (fovea--answer-insert-note "The answer reached its maximum length, so its last sentence may be incomplete.\n")))

(defun fovea--answer-show (question written)
  "Show QUESTION and the answer WRITTEN, with point on the first source."
  (let ((origin (selected-window)) (buffer (get-buffer-create "*Fovea Answer*")))
    (with-current-buffer buffer
      (fovea-answer-mode)
      (let ((inhibit-read-only t))
        (erase-buffer)
        (fovea--answer-insert question written))
      (goto-char (point-min))
      (forward-button 1 nil nil t))
    (pop-to-buffer buffer)
    (setq fovea--answer-origin origin)))

(defvar fovea--status)

(defun fovea--answer-question ()
  "Read a question, unless there is no model to answer it."
  (when (eq (plist-get fovea--status :writes) :json-false)
    (user-error "No model here writes text; name one in `fovea-server-model-generator', such as a GGUF file of Gemma 3 270M"))
  (read-string "Question: " nil 'fovea--ask-history))

;;;###autoload
(defun fovea-answer (question &optional alone)
  "Let a model write an answer to QUESTION from the open documents and the folder.
With ALONE, a prefix argument, only from this document.  Under each sentence are
the passages that it draws on.  This takes seconds; \\[keyboard-quit] stops it.
The setting `model.generator' must name a model that writes."
  (interactive (list (fovea--answer-question) current-prefix-arg))
  (let* ((answer (fovea-wait "writing an answer" "fovea.ask"
                             (append (list :question question :write t)
                                     (and alone (list :uri (fovea-uri))))))
         (notes (append (plist-get answer :notes) nil))
         (written (plist-get answer :written))
         (told (lambda (text) (message "Fovea: %s" (string-join (cons text notes) "; ")))))
    (cond
     ((not written) (funcall told "nothing here answers that"))
     ((seq-empty-p (plist-get written :sentences))
      (funcall told (format "%s wrote nothing" (plist-get written :model))))
     (t
      (when notes (message "Fovea: %s" (string-join notes "; ")))
      (fovea--answer-show question written)))))

(provide 'fovea-answer)
;;; fovea-answer.el ends here
