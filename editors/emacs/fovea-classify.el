;;; fovea-classify.el --- Classes by your own probe  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A lens names the class that your probe gives an item (setting
;; `classify.probe').  These commands show the words that decided, and correct
;; a wrong label.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'fovea-connection)

(defconst fovea--classify-named 12 "The number of listed words.")

(defun fovea--classify-lines (answer)
  "The lines about ANSWER: its classes, then the words that decided."
  (let ((words (sort (append (plist-get answer :words) nil)
                     (lambda (a b) (> (abs (plist-get a :score)) (abs (plist-get b :score)))))))
    (append
     (mapcar (lambda (class) (format "%5.1f %%  %s" (* 100 (plist-get class :probability)) (plist-get class :label)))
             (plist-get answer :classes))
     (list "" (format "why %s: logit %+.3f" (plist-get answer :label) (plist-get answer :value)))
     (mapcar (lambda (word) (format "  %+.3f  %s" (plist-get word :score) (plist-get word :text)))
             (seq-take words fovea--classify-named))
     (list (format "  special tokens %+.3f, biases %+.3f" (plist-get answer :special) (plist-get answer :bias))))))

(defun fovea--classify-here ()
  "The argument for the item at point."
  (list :uri (fovea-uri) :position (fovea-position (point))))

(defun fovea-classify (&optional argument)
  "Show which words decided for the class of the item at point.
ARGUMENT is that of a lens."
  (interactive)
  (let ((answer (fovea-execute "fovea.classify" (or argument (fovea--classify-here)))))
    (with-help-window "*Fovea Class*"
      (princ (format "%s\n\n%s\n" (plist-get answer :name) (string-join (fovea--classify-lines answer) "\n")))
      (when (plist-get answer :labelsFile)
        (princ "\nWrong? M-x fovea-relabel at the item.\n")))))

(defun fovea-relabel (label)
  "Set LABEL as the right label of the item at point, and train the probe."
  (interactive
   (list (completing-read "The right label: "
                          (mapcar (lambda (class) (plist-get class :label))
                                  (plist-get (fovea-execute "fovea.classify" (fovea--classify-here)) :classes)))))
  (let ((answer (fovea-wait "learning from the label" "fovea.relabel"
                            (append (fovea--classify-here) (list :label label)))))
    (message "Fovea: learned from %d labels; %.0f %% are right"
             (plist-get answer :items) (* 100 (plist-get answer :accuracy)))))

(provide 'fovea-classify)
;;; fovea-classify.el ends here
