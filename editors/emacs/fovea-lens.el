;;; fovea-lens.el --- Lines above items with similar ones  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A line above a function, a type or a heading names the most similar one.  It
;; is not part of the text: an overlay shows it, and mouse or keys open it.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'fovea-connection)

(declare-function fovea--go-to-one "fovea-places")

(defun fovea--set-lenses (symbol value)
  "Set SYMBOL to VALUE, and draw or clear the lenses."
  (set-default symbol value)
  (when (fboundp 'fovea-lenses-refresh-all) (fovea-lenses-refresh-all)))

(defcustom fovea-lenses t
  "Whether a line above an item names the most similar item."
  :type 'boolean
  :set #'fovea--set-lenses
  :initialize #'custom-initialize-default
  :group 'fovea)

(defface fovea-lens '((t :inherit shadow))
  "The line above an item with a similar one."
  :group 'fovea)

(defvar-local fovea--lens-timer nil "The timer that asks for the lenses a little later.")

(defvar-local fovea--lens-turn 0 "The number of questions for lenses of this buffer.")

(defvar fovea-lens-map
  (let ((map (make-sparse-keymap)))
    (define-key map [mouse-1] #'fovea-lens-click)
    (define-key map [mouse-2] #'fovea-lens-click)
    map)
  "Mouse bindings of a lens.")

(defun fovea--erase-lenses ()
  "Remove the lenses of the current buffer; a question that waits is still asked."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'fovea-lens t)))

(defun fovea-lenses-clear ()
  "Remove the lenses of the current buffer, and ask for no others."
  (when fovea--lens-timer (cancel-timer fovea--lens-timer))
  (setq fovea--lens-timer nil)
  (fovea--erase-lenses))

(defun fovea-lenses-refresh-all ()
  "Ask for the lenses of all buffers again."
  (dolist (buffer (fovea-buffers))
    (with-current-buffer buffer (fovea-lenses-refresh))))

(defun fovea-lenses-refresh ()
  "Ask for the lenses of the current buffer a little later."
  (when fovea--lens-timer (cancel-timer fovea--lens-timer))
  (setq fovea--lens-timer nil)
  (if fovea-lenses
      (setq fovea--lens-timer (run-with-timer 0.2 nil #'fovea--ask-lenses (current-buffer)))
    (fovea-lenses-clear)))

(defun fovea--ask-lenses (buffer)
  "Ask for the lenses of BUFFER, and draw them if its text is still the same."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (setq fovea--lens-timer nil)
      (when (and fovea-lenses (fovea-ready-p))
        ;; An earlier question may be answered last: only the latest one is drawn.
        (let ((asked (cons (buffer-chars-modified-tick) (setq fovea--lens-turn (1+ fovea--lens-turn)))))
          (fovea-request-async
           :textDocument/codeLens (list :textDocument (list :uri (fovea-uri)))
           (lambda (lenses) (fovea--resolve-lenses buffer asked lenses))))))))

(defun fovea--resolve-lenses (buffer asked lenses)
  "Ask for the titles of LENSES of BUFFER, and draw them if still ASKED for."
  (let ((left (length lenses)) done)
    (if (= left 0)
        (fovea--draw-lenses buffer asked nil)
      (cl-flet ((take (lens)
                  (when lens (push lens done))
                  (setq left (1- left))
                  (when (= left 0) (fovea--draw-lenses buffer asked done))))
        (seq-do (lambda (lens)
                  (if (plist-get lens :command)
                      (take lens)
                    (when (fovea-running-p)
                      (fovea-request-async :codeLens/resolve lens #'take (lambda (_) (take nil))))))
                lenses)))))

(defun fovea--draw-lenses (buffer asked lenses)
  "Draw LENSES in BUFFER if ASKED has its present text, and is the latest question."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when (and fovea-lenses (fovea-ready-p) (equal asked (cons (buffer-chars-modified-tick) fovea--lens-turn)))
        ;; The server may have asked for a newer question before this answer: that one must not be cancelled.
        (fovea--erase-lenses)
        (seq-do #'fovea--draw-lens lenses)))))

(declare-function fovea-classify "fovea-classify")

(defun fovea--names-class-p (command)
  "Whether COMMAND is that of a lens that names a class."
  (equal (plist-get command :command) "fovea.classify"))

(defun fovea--draw-lens (lens)
  "Draw LENS above its line."
  (when-let ((title (plist-get (plist-get lens :command) :title)))
    (save-excursion
      (save-restriction
        (widen)
        (goto-char (fovea-point (plist-get (plist-get lens :range) :start)))
        (let* ((indent (current-indentation))
               (bol (line-beginning-position))
               (overlay (make-overlay bol bol)))
          (overlay-put overlay 'fovea-lens t)
          (overlay-put overlay 'fovea-lens-command (plist-get lens :command))
          (overlay-put overlay 'before-string
                       (concat (make-string indent ?\s)
                               (propertize title 'face 'fovea-lens 'mouse-face 'highlight 'keymap fovea-lens-map
                                           'help-echo (if (fovea--names-class-p (plist-get lens :command))
                                                          "mouse-1: which words decided"
                                                        "mouse-1: go to what is similar")
                                           'fovea-lens-command (plist-get lens :command))
                               "\n")))))))


(defun fovea--open-lens (command)
  "Go to the item that COMMAND of a lens names, or explain its class."
  (if (fovea--names-class-p command)
      (fovea-classify (aref (plist-get command :arguments) 0))
    (fovea--open-similar command)))

(defun fovea--open-similar (command)
  "Go to the similar item that COMMAND of a lens names."
  (let* ((arguments (aref (plist-get command :arguments) 0))
         (items (append (plist-get arguments :similar) nil)))
    (unless items
      (let ((answer (fovea-execute (plist-get command :command) arguments)))
        (setq items (and (not (plist-get answer :shown)) (append (plist-get answer :similar) nil)))))
    (when items
      (fovea--go-to-one (format "Similar to %s" (plist-get arguments :name)) items))))

(defun fovea-lens-click (event)
  "Open the lens that EVENT is on."
  (interactive "e")
  (let* ((position (event-start event))
         (string (posn-string position))
         (command (and string (get-text-property (cdr string) 'fovea-lens-command (car string)))))
    (when command
      (select-window (posn-window position))
      (fovea--open-lens command))))

(defun fovea-lens-open ()
  "Go to the item that the lens above the item at point names."
  (interactive)
  (let* ((end (line-end-position))
         (lenses (seq-filter (lambda (overlay)
                               (and (overlay-get overlay 'fovea-lens)
                                    (not (fovea--names-class-p (overlay-get overlay 'fovea-lens-command)))))
                             (overlays-in (point-min) end)))
         (nearest (car (seq-sort-by #'overlay-start #'> lenses))))
    (if nearest
        (fovea--open-lens (overlay-get nearest 'fovea-lens-command))
      (user-error "Fovea: no line above this item names another"))))

(provide 'fovea-lens)
;;; fovea-lens.el ends here
