;;; fovea-words.el --- What the word at point is made of  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Hover and ElDoc tell of the word at point, highlights show what it draws on.

;;; Code:

(require 'subr-x)
(require 'fovea-connection)

(defvar eglot--managed-mode)
(defvar fovea-mode)
(defvar lsp-managed-mode)

;;; Hover

(defun fovea--hover-text (answer)
  "The text of the hover ANSWER without Markdown; nil for none."
  (when-let ((value (plist-get (plist-get answer :contents) :value)))
    (string-trim (replace-regexp-in-string "\\*\\*\\|`\\|\\\\\\([][_*<>&#]\\)" "\\1" value))))

(defun fovea-eldoc-function (callback)
  "Tell CALLBACK what the model makes of the word at point."
  (when (fovea-ready-p)
    (let ((buffer (current-buffer)) (place (point)))
      (fovea-request-async
       :textDocument/hover
       (list :textDocument (list :uri (fovea-uri)) :position (fovea-position place))
       (lambda (answer)
         (when (and (buffer-live-p buffer)
                    (with-current-buffer buffer (= (point) place)))
           (funcall callback (fovea--hover-text answer)))))
      t)))

(defun fovea-hover ()
  "Show all that Fovea knows of the word at point."
  (interactive)
  (let ((text (fovea--hover-text
               (fovea-request :textDocument/hover
                              (list :textDocument (list :uri (fovea-uri))
                                    :position (fovea-position (point)))))))
    (if text
        (with-help-window "*fovea*" (princ text))
      (message "Fovea: nothing to say of this"))))

;;; What a word draws on

(defvar-local fovea--highlights nil "Overlays of the words that the word at point draws on.")
(defvar fovea--highlight-timer nil "Waits for point to rest.")

(defcustom fovea-highlight 'auto
  "Whether the words that the word at point draws on are highlighted.
`auto': where Eglot and lsp-mode do not highlight symbols of their own."
  :type '(choice (const auto) boolean)
  :group 'fovea)

(defun fovea--highlight-p ()
  "Whether to highlight in the current buffer."
  (if (eq fovea-highlight 'auto)
      (not (or (bound-and-true-p eglot--managed-mode) (bound-and-true-p lsp-managed-mode)))
    fovea-highlight))

(defun fovea--unhighlight ()
  "Take the highlights away."
  (mapc #'delete-overlay fovea--highlights)
  (setq fovea--highlights nil))

(defun fovea--show-highlights (highlights)
  "Draw HIGHLIGHTS, an answer of the server."
  (fovea--unhighlight)
  (seq-do
   (lambda (highlight)
     (let* ((range (plist-get highlight :range))
            (overlay (make-overlay (fovea-point (plist-get range :start))
                                   (fovea-point (plist-get range :end)))))
       (overlay-put overlay 'face
                    (pcase (plist-get highlight :kind)
                      (3 'fovea-draws-strong) (2 'fovea-draws-middle) (_ 'fovea-draws-weak)))
       (overlay-put overlay 'priority 5)
       (overlay-put overlay 'fovea-highlight t)
       (push overlay fovea--highlights)))
   highlights))

(defun fovea-highlight-now ()
  "Highlight the words that the word at point draws on."
  (interactive)
  (when (fovea-ready-p)
    (let ((buffer (current-buffer)) (place (point)))
      (fovea-request-async
       :textDocument/documentHighlight
       (list :textDocument (list :uri (fovea-uri)) :position (fovea-position place))
       (lambda (answer)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             (when (= (point) place) (fovea--show-highlights answer)))))))))

(defun fovea--rested ()
  "Highlight, where it is wanted, once point rests."
  (when (and (bound-and-true-p fovea-mode) (fovea--highlight-p))
    (fovea-highlight-now)))

(defun fovea--moved ()
  "Point moved: what it drew on is no longer of interest."
  (when fovea--highlights (fovea--unhighlight))
  (fovea-tell-visible))

(provide 'fovea-words)
;;; fovea-words.el ends here
