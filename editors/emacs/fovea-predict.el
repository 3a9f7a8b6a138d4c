;;; fovea-predict.el --- Predictions at point  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The tokens that the model predicts at point.  The words that contribute to
;; the one that you choose are marked until you edit the text.  Nothing is
;; inserted.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-places)
(require 'fovea-ask)

(defconst fovea--predict-named 5 "The number of words that a message names.")

(defun fovea--predict-because (why)
  "A line with the strongest words of WHY."
  (let ((words (sort (append (plist-get why :words) nil)
                     (lambda (a b) (> (abs (plist-get a :score)) (abs (plist-get b :score))))))
        (other (plist-get why :ratherThan)))
    (format "%S%s: %s" (plist-get why :token)
            (if other (format " rather than %S" other) "")
            (mapconcat (lambda (word) (format "%s %+.2f" (plist-get word :text) (plist-get word :score)))
                       (seq-take words fovea--predict-named) " · "))))

(defun fovea--predict-ask (more)
  "Ask what comes next at point, with MORE arguments."
  (fovea-wait "looking what comes next" "fovea.predict"
              (append (list :uri (fovea-uri) :position (fovea-position (point))) more)))

(defun fovea--predict-choose (prompt next)
  "Choose one of the tokens NEXT with PROMPT."
  (fovea--choose prompt next
                 (lambda (token) (format "%S" (plist-get token :token)))
                 (lambda (token) (format "  %.1f %%" (* 100 (plist-get token :probability))))))

(defun fovea--predict-mark (words)
  "Mark the WORDS that contribute to a token."
  (fovea-ask-clear)
  (let ((most (apply #'max 0 (mapcar (lambda (word) (plist-get word :score)) words))))
    (seq-doseq (word words)
      (when (and (> (plist-get word :score) 0) (>= (plist-get word :score) (* fovea--ask-share most)))
        (fovea--ask-mark (plist-get word :range) 'fovea-answer-word 61))))
  (add-hook 'after-change-functions #'fovea-ask-clear nil t))

;;;###autoload
(defun fovea-predict (&optional rather)
  "Show what the model expects at point, and which words speak for a token.
With RATHER, a prefix argument, choose two tokens: why the first rather than the
second.  The setting `model.generator' must name a model that predicts or
fills masks."
  (interactive "P")
  (let* ((answer (fovea--predict-ask nil))
         (next (append (plist-get answer :next) nil)))
    (if (not next)
        (message "Fovea: there is no text before this place")
      (when-let* ((chosen (fovea--predict-choose "Why" next))
                  (question (list :why (plist-get chosen :id))))
        (when rather
          (when-let* ((other (fovea--predict-choose "Rather than" next)))
            (setq question (append question (list :ratherThan (plist-get other :id))))))
        (let ((why (plist-get (fovea--predict-ask question) :why)))
          (fovea--predict-mark (plist-get why :words))
          (message "Fovea: %s" (fovea--predict-because why)))))))

(provide 'fovea-predict)
;;; fovea-predict.el ends here
