;;; fovea-heat.el --- Heat on the words that carry a text  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One overlay a word, in one of twelve faces.  Overlays move with the text as
;; it is edited and stay until the next heat, so nothing flickers.  Heat names
;; the version it was computed for; that for another one is kept, since the
;; next tells what changed, and not drawn.

;;; Code:

(require 'cl-lib)
(require 'color)
(require 'seq)
(require 'fovea-connection)

(defcustom fovea-heat-color nil
  "The colour of the hottest word; nil chooses by the background."
  :type '(choice (const nil) color)
  :group 'fovea)

(defcustom fovea-heat-strength 0.6
  "How much of the colour the hottest word gets, 0 to 1."
  :type 'number
  :group 'fovea)

(defconst fovea-heat-levels 12 "Levels of heat.")

(defconst fovea-heat-slice 400 "So many lines are drawn in one go; more would be felt as a pause.")

;;; Faces

(defface fovea-unread '((t :inherit shadow :slant italic))
  "Text that the model's vocabulary cannot read."
  :group 'fovea)

(defface fovea-draws-strong '((t :inherit match))
  "What the word at point draws on most."
  :group 'fovea)

(defface fovea-draws-middle '((t :inherit highlight))
  "What the word at point draws on less."
  :group 'fovea)

(defface fovea-draws-weak '((t :underline t))
  "What the word at point draws on least."
  :group 'fovea)

(defface fovea-focus '((t :weight bold :underline t))
  "In a comparison the word at point, and its strongest partner."
  :group 'fovea)

(dotimes (level fovea-heat-levels)
  (custom-declare-face (intern (format "fovea-heat-%d" (1+ level))) '((t nil))
                       (format "Background of a word of level %d of 12.
Its colour is computed for the theme in use, where the theme has none for it." (1+ level))
                       :group 'fovea))

(defun fovea-heat-face (level)
  "The face of LEVEL."
  (aref [nil fovea-heat-1 fovea-heat-2 fovea-heat-3 fovea-heat-4 fovea-heat-5 fovea-heat-6
             fovea-heat-7 fovea-heat-8 fovea-heat-9 fovea-heat-10 fovea-heat-11 fovea-heat-12]
        (max 1 (min fovea-heat-levels level))))

(defvar fovea--faces-for nil "What the faces were computed for.")

(defun fovea--rgb (color)
  "Red, green and blue of COLOR, 0 to 1, whatever the terminal can show."
  (if (string-match "\\`#\\([[:xdigit:]]\\{2\\}\\)\\([[:xdigit:]]\\{2\\}\\)\\([[:xdigit:]]\\{2\\}\\)\\'" color)
      (mapcar (lambda (group) (/ (string-to-number (match-string group color) 16) 255.0)) '(1 2 3))
    (or (color-name-to-rgb color) '(0.5 0.5 0.5))))

(defun fovea-heat-define-faces ()
  "Compute the faces for the theme in use, unless that was done."
  (let* ((dark (eq (frame-parameter nil 'background-mode) 'dark))
         (told (face-background 'default nil t))
         ;; A terminal's own background is not known: assume black or white.
         (ground (if (or (not told) (string-prefix-p "unspecified" told))
                     (if dark "#101010" "#ffffff")
                   told))
         (hottest (or fovea-heat-color (if dark "#c2410c" "#ff922b")))
         (wanted (list dark ground hottest fovea-heat-strength)))
    (unless (equal wanted fovea--faces-for)
      (setq fovea--faces-for wanted)
      (let ((from (fovea--rgb ground)) (to (fovea--rgb hottest)))
        (dotimes (i fovea-heat-levels)
          (let* ((share (* fovea-heat-strength (/ (1+ i) (float fovea-heat-levels))))
                 (rgb (cl-mapcar (lambda (a b) (+ a (* share (- b a)))) from to))
                 (face (fovea-heat-face (1+ i))))
            (unless (get face 'theme-face)
              (set-face-background face (apply #'color-rgb-to-hex (append rgb '(2)))))))))))

(when (boundp 'enable-theme-functions)
  (add-hook 'enable-theme-functions (lambda (_) (fovea-heat-define-faces))))

;;; What is known

(defvar-local fovea--heat nil
  "The heat told last: (VERSION WORDS UNREAD), drawn or not.
WORDS are vectors [LINE START END LEVEL] in order.")

(defvar-local fovea--undrawn nil
  "Lines whose heat is not drawn: (TOP . REST), with REST lines below; or nil.")

(defvar-local fovea-heat-last nil "The last message that was drawn, for those who want to know.")

(defun fovea--merge (before words change line-of move)
  "BEFORE with the lines of CHANGE replaced by WORDS.
LINE-OF tells the line of one, MOVE makes one that stands some lines lower."
  (let* ((start (plist-get change :start))
         (was (plist-get change :was))
         (down (- (plist-get change :end) was))
         above below)
    (dolist (word before)
      (let ((line (funcall line-of word)))
        (cond ((< line start) (push word above))
              ((>= line was) (push (if (= down 0) word (funcall move word down)) below)))))
    (nconc (nreverse above) words (nreverse below))))

(defun fovea--move-word (word down)
  "WORD, DOWN lines lower."
  (vector (+ (aref word 0) down) (aref word 1) (aref word 2) (aref word 3)))

(defun fovea--move-unread (unread down)
  "UNREAD, DOWN lines lower."
  (let ((range (copy-tree (plist-get unread :range))))
    (dolist (end '(:start :end))
      (cl-incf (plist-get (plist-get range end) :line) down))
    (plist-put (copy-sequence unread) :range range)))

(defun fovea--know (params)
  "Take PARAMS into what is known; nil where the message before is missing."
  (let ((change (plist-get params :changed))
        (version (plist-get params :version))
        (words (append (plist-get params :words) nil))
        (unread (append (plist-get params :unread) nil)))
    (cond
     ((not change) (setq fovea--heat (list version words unread)))
     ((not (equal (car fovea--heat) (plist-get change :since))) (setq fovea--heat nil))
     (t
      (setq fovea--heat
            (list version
                  (fovea--merge (nth 1 fovea--heat) words change
                                (lambda (word) (aref word 0)) #'fovea--move-word)
                  (fovea--merge (nth 2 fovea--heat) unread change
                                (lambda (one) (plist-get (plist-get (plist-get one :range) :start) :line))
                                #'fovea--move-unread)))))))

(defun fovea-heat-take (params)
  "Take the message PARAMS, and draw it where it is for the text on screen."
  (when (fovea--know params)
    (let* ((change (plist-get params :changed))
           (version (plist-get params :version))
           (count (cdr (assq version fovea-line-counts)))
           (top (if (and change count) (plist-get change :start) 0))
           (rest (if (and change count) (max 0 (- count (plist-get change :end))) 0)))
      (setq fovea--undrawn (if fovea--undrawn
                               (cons (min top (car fovea--undrawn)) (min rest (cdr fovea--undrawn)))
                             (cons top rest)))
      (when (fovea-current-p version)
        (fovea--draw count)
        (setq fovea-heat-last params)
        (run-hooks 'fovea-heat-hook)))))

(defvar fovea-heat-hook nil "Run in a buffer whose heat was drawn.")

;;; Drawing

(defun fovea--draw-lines (top bottom)
  "Draw the words of the lines TOP to BOTTOM, which is exclusive, anew."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line top)
      (let ((start (point)) (line top) (words (nth 1 fovea--heat)))
        (save-excursion
          (forward-line (- bottom top))
          (remove-overlays start (point) 'fovea-heat t))
        (while (and words (< (aref (car words) 0) top)) (pop words))
        (while (and words (< (aref (car words) 0) bottom))
          (let ((word (pop words)))
            (forward-line (- (aref word 0) line))
            (setq line (aref word 0))
            (let* ((end (line-end-position))
                   (overlay (make-overlay (min end (+ (point) (aref word 1)))
                                          (min end (+ (point) (aref word 2))) nil t)))
              (overlay-put overlay 'fovea-heat t)
              (overlay-put overlay 'face (fovea-heat-face (aref word 3)))
              ;; Below the region, the current line and what a checker underlines.
              (overlay-put overlay 'priority -60)
              (overlay-put overlay 'evaporate t))))))))

(defun fovea--draw-unread ()
  "Dim what the model cannot read."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'fovea-unread t))
  (dolist (one (nth 2 fovea--heat))
    (let* ((range (plist-get one :range))
           (overlay (make-overlay (fovea-point (plist-get range :start)) (fovea-point (plist-get range :end)))))
      (overlay-put overlay 'fovea-unread t)
      (overlay-put overlay 'face 'fovea-unread)
      (overlay-put overlay 'help-echo (plist-get one :reason))
      (overlay-put overlay 'evaporate t))))

(defun fovea--draw (count)
  "Draw what is not drawn of a text of COUNT lines.
Much of it is drawn where it is on screen at once, and elsewhere in slices."
  (fovea-heat-define-faces)
  (fovea--draw-unread)
  (let ((top (car fovea--undrawn)) (bottom (- count (cdr fovea--undrawn))))
    (if (<= (- bottom top) fovea-heat-slice)
        (progn
          (when (< top bottom) (fovea--draw-lines top bottom))
          (setq fovea--undrawn nil))
      ;; Until the last slice is drawn all counts as undrawn, whatever comes between.
      (setq fovea--undrawn (cons 0 0))
      (dolist (window (get-buffer-window-list nil nil t))
        (fovea--draw-lines
         (max top (1- (line-number-at-pos (window-start window) t)))
         (min bottom (+ (line-number-at-pos (window-start window) t) (window-body-height window)))))
      (fovea--draw-slice (current-buffer) fovea--heat top bottom))))

(defun fovea--draw-slice (buffer heat top bottom)
  "Draw HEAT from line TOP towards BOTTOM in BUFFER, and go on a little later.
It ends where newer heat has come, or an edit that newer heat will come for."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when (and (eq heat fovea--heat) (fovea-current-p (car heat)))
        (fovea--draw-lines top (min bottom (+ top fovea-heat-slice)))
        (if (< (+ top fovea-heat-slice) bottom)
            (run-with-timer 0.005 nil #'fovea--draw-slice buffer heat (+ top fovea-heat-slice) bottom)
          (setq fovea--undrawn nil))))))

(defun fovea-heat-clear ()
  "Take the heat of the current buffer away."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'fovea-heat t)
    (remove-overlays (point-min) (point-max) 'fovea-unread t))
  (setq fovea--heat nil fovea--undrawn nil fovea-heat-last nil))

(provide 'fovea-heat)
;;; fovea-heat.el ends here
