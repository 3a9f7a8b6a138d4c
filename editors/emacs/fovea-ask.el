;;; fovea-ask.el --- Answers to a question  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Lists the answers to a question.  The answer that you choose and its most
;; important words are marked in the buffer until you edit the text.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-places)
(require 'fovea-words)

(defface fovea-answer
  '((((class color) (min-colors 256) (background dark)) :background "#2b3852" :extend t)
    (((class color) (min-colors 256) (background light)) :background "#dbe5f6" :extend t)
    (t :inherit region))
  "The sentence or statements that answer a question."
  :group 'fovea)

(defface fovea-answer-word '((t :weight bold :underline t))
  "The most important words of an answer."
  :group 'fovea)

(defconst fovea--ask-top 8 "The number of offered answers.")

(defconst fovea--ask-named 5 "The number of words that a line names.")

(defconst fovea--ask-share 0.25
  "The minimum share of the best word's score for a marked word.")

(defvar fovea--ask-history nil "The history of questions.")

(defvar fovea--ask-marks nil "The overlays of the last answer.")

(defun fovea--ask-words (found)
  "The most important words of the answer FOUND, best first."
  (sort (seq-filter (lambda (word) (> (plist-get word :score) 0)) (append (plist-get found :words) nil))
        (lambda (a b) (> (plist-get a :score) (plist-get b :score)))))

(defun fovea--ask-because (found)
  "A line with the words of FOUND, each with the word that it answers."
  (mapconcat (lambda (word)
               (let ((question (plist-get word :question)))
                 (format "%s%s +%.2f" (plist-get word :text)
                         (if question (concat " for " question) "") (plist-get word :score))))
             (seq-take (fovea--ask-words found) fovea--ask-named) " · "))

(defconst fovea--ask-width 28 "The width of the words of an answer in a list.")

(defun fovea--ask-describe (found)
  "One line about FOUND, its text and its place, which leaves room for its words."
  (let* ((place (format "%s:%d" (fovea-readable (plist-get found :uri))
                        (1+ (plist-get (plist-get (plist-get found :range) :start) :line))))
         (room (- (frame-width) (string-width place) fovea--ask-width 12))
         (text (string-join (split-string (plist-get found :text)) " ")))
    (format "%s · %s" (truncate-string-to-width text (max 24 (min 90 room)) nil nil t) place)))

(defun fovea--ask-annotate (found)
  "The annotation of FOUND."
  (format "  %.2f  %s" (plist-get found :score)
          (truncate-string-to-width (fovea--ask-because found) fovea--ask-width nil nil t)))

(defun fovea-ask-clear (&rest _)
  "Remove the marks of the last answer."
  (interactive)
  (mapc #'delete-overlay fovea--ask-marks)
  (setq fovea--ask-marks nil)
  (remove-hook 'after-change-functions #'fovea-ask-clear t))

(defun fovea--ask-mark (range face priority)
  "Mark RANGE of this buffer with FACE above marks of a lower PRIORITY."
  (let ((overlay (make-overlay (fovea-point (plist-get range :start)) (fovea-point (plist-get range :end)))))
    (overlay-put overlay 'face face)
    (overlay-put overlay 'priority priority)
    (overlay-put overlay 'fovea-ask t)
    (push overlay fovea--ask-marks)))

(defun fovea--ask-show (found &optional question)
  "Go to the answer FOUND to QUESTION, and mark it and its most important words."
  (fovea-ask-clear)
  (fovea--visit (plist-get found :uri) (plist-get found :range))
  (fovea--ask-mark (plist-get found :range) 'fovea-answer 60)
  (when question
    (overlay-put (car fovea--ask-marks) 'fovea-answer
                 (list :question question :uri (plist-get found :uri)
                       :range (plist-get found :range) :within (plist-get found :within))))
  (let* ((words (fovea--ask-words found))
         (most (or (plist-get (car words) :score) 0)))
    (dolist (word words)
      (when (>= (plist-get word :score) (* fovea--ask-share most))
        (fovea--ask-mark (plist-get word :range) 'fovea-answer-word 61))))
  (add-hook 'after-change-functions #'fovea-ask-clear nil t))

(defun fovea--trust-answer ()
  "What `fovea.trust' judges on the marked answer at point, or nil elsewhere."
  (seq-some (lambda (overlay) (overlay-get overlay 'fovea-answer)) (overlays-at (point))))

(add-hook 'fovea-trust-functions #'fovea--trust-answer)

(defvar fovea--ask-hinted nil "Whether the user knows that a model can write an answer.")

(defun fovea--ask-hint (answer)
  "Mention once, after the first ANSWER, that a model can write one."
  (if (or fovea--ask-hinted (not (eq (plist-get answer :writes) t)))
      ""
    (setq fovea--ask-hinted t)
    (substitute-command-keys " · \\[fovea-answer] writes an answer")))

;;;###autoload
(defun fovea-ask (question &optional alone)
  "Go to what answers QUESTION in the open documents and the folder.
With ALONE, a prefix argument, only this document may answer.  The answer and
the words that carry it are marked until you edit the text."
  (interactive (list (read-string "Ask: " nil 'fovea--ask-history) current-prefix-arg))
  (let* ((answer (fovea-wait "looking for an answer" "fovea.ask"
                             (append (list :question question :top fovea--ask-top)
                                     (and alone (list :uri (fovea-uri))))))
         (notes (append (plist-get answer :notes) nil))
         (answers (append (plist-get answer :answers) nil)))
    (cond
     ((not answers)
      (message "Fovea: %s" (string-join (cons "nothing here answers that" notes) "; ")))
     (t
      (when notes (message "Fovea: %s" (string-join notes "; ")))
      (when-let ((found (if (cdr answers)
                            (fovea--choose "Answer" answers #'fovea--ask-describe #'fovea--ask-annotate)
                          (car answers))))
        (fovea--ask-show found question)
        (message "Fovea: %s%s" (fovea--ask-because found) (fovea--ask-hint answer)))))))

(provide 'fovea-ask)
;;; fovea-ask.el ends here
