;;; fovea-heat.el --- Heat on the most telling words  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One overlay for each word, in one of three calm faces.  Overlays move with
;; the text and stay until the next heat, so nothing flickers.  Each heat names
;; the version of its text.  Heat of another version is stored, because the next
;; message may contain only changes, but it is not drawn.

;;; Code:

(require 'cl-lib)
(require 'color)
(require 'seq)
(require 'fovea-connection)

(defvar fovea--heat)

(defcustom fovea-heat-color nil
  "The color of the tint of the most telling words; nil for a calm blue."
  :type '(choice (const nil) color)
  :group 'fovea)

(defcustom fovea-heat-strength 0.5
  "How much of the color the most telling words get, 0 to 1.
They get less where the text would be hard to read."
  :type 'number
  :group 'fovea)

(defconst fovea-heat-levels 12 "The number of levels of heat.")

(defconst fovea-heat-slice 400 "The number of lines drawn at once; more would cause a noticeable pause.")

;;; Faces

(defface fovea-unread '((t :inherit shadow :slant italic))
  "Text that the model cannot read."
  :group 'fovea)

(defface fovea-heat-high '((t nil))
  "The words that tell most of what their function or paragraph is about.
The color is computed for the theme, unless the theme or you set one."
  :group 'fovea)

(defface fovea-heat-middle '((t nil))
  "Words that tell much of what their function or paragraph is about."
  :group 'fovea)

(defface fovea-heat-low '((t nil))
  "Words that tell a little; they are marked with the preset `full' only."
  :group 'fovea)

(defface fovea-draws-strong '((t nil))
  "The words that the model reads the word at point with, most of all."
  :group 'fovea)

(defface fovea-draws-middle '((t nil))
  "The words that the model reads the word at point with."
  :group 'fovea)

(defface fovea-draws-weak '((t nil))
  "The words that the model reads the word at point with, a little."
  :group 'fovea)

(defface fovea-focus '((t :inherit fovea-draws-strong :weight bold))
  "In a comparison the word at point, and its strongest partner."
  :group 'fovea)

(defun fovea-heat-face (level)
  "The face of LEVEL, 1 to 12."
  (cond ((>= level 10) 'fovea-heat-high)
        ((>= level 7) 'fovea-heat-middle)
        (t 'fovea-heat-low)))

(defconst fovea-tints
  ;; The face, its family, and its share of the strength.
  '((fovea-heat-high heat 1.0) (fovea-heat-middle heat 0.66) (fovea-heat-low heat 0.4)
    (fovea-draws-strong draws 1.0) (fovea-draws-middle draws 0.7) (fovea-draws-weak draws 0.45))
  "The faces whose colors are computed.")

(defconst fovea-contrast 4.5 "The minimum contrast of text on a tint, from accessibility rules.")

(defconst fovea-syntax-faces
  '(default font-lock-builtin-face font-lock-comment-face font-lock-comment-delimiter-face font-lock-constant-face
            font-lock-doc-face font-lock-function-name-face font-lock-keyword-face font-lock-string-face font-lock-type-face
            font-lock-variable-name-face font-lock-preprocessor-face font-lock-number-face font-lock-property-name-face
            font-lock-function-call-face font-lock-variable-use-face font-lock-escape-face)
  "The faces of text that may have a tint.")

(defvar fovea--faces-for nil "The theme and options of the computed faces.")

(defun fovea--rgb (color)
  "Red, green and blue of COLOR, 0 to 1, independent of the terminal."
  (if (string-match "\\`#\\([[:xdigit:]]\\{2\\}\\)\\([[:xdigit:]]\\{2\\}\\)\\([[:xdigit:]]\\{2\\}\\)\\'" color)
      (mapcar (lambda (group) (/ (string-to-number (match-string group color) 16) 255.0)) '(1 2 3))
    (or (color-name-to-rgb color) '(0.5 0.5 0.5))))

(defun fovea-luminance (rgb)
  "The relative luminance of RGB, as in the rules for contrast."
  (apply #'+ (cl-mapcar (lambda (weight part)
                          (* weight (if (<= part 0.03928) (/ part 12.92) (expt (/ (+ part 0.055) 1.055) 2.4))))
                        '(0.2126 0.7152 0.0722) rgb)))

(defun fovea-contrast (a b)
  "The contrast of the colors A and B, lists of red, green and blue."
  (let ((a (fovea-luminance a)) (b (fovea-luminance b)))
    (/ (+ (max a b) 0.05) (+ (min a b) 0.05))))

(defun fovea--blend (from to share)
  "The color at SHARE of the way FROM one TO another, rounded as displayed."
  (fovea--rgb (apply #'color-rgb-to-hex
                     (append (cl-mapcar (lambda (a b) (+ a (* share (- b a)))) from to) '(2)))))

(defun fovea--told-color (color unknown)
  "COLOR as red, green and blue, or UNKNOWN if it is not known."
  (fovea--rgb (if (or (not color) (string-prefix-p "unspecified" color)) unknown color)))

(defun fovea--strongest (ground color share texts plain)
  "The strength of a tint, and the color of the text if it needs one.
GROUND is blended with COLOR by SHARE, or less if TEXTS, the colors of text,
would be hard to read.  If no tint is possible, text gets the color PLAIN."
  (let* ((steps (mapcar (lambda (part) (* share part)) '(1.0 0.9 0.8 0.7 0.6 0.5 0.4)))
         (legible (lambda (step texts)
                    (let ((tint (fovea--blend ground color step)))
                      (seq-every-p (lambda (text) (>= (fovea-contrast text tint) fovea-contrast)) texts))))
         (step (seq-find (lambda (step) (funcall legible step texts)) steps)))
    (if step
        (cons step nil)
      ;; One of the theme's colors is too faint for any tint.
      (let* ((best (seq-find (lambda (text) (seq-some (lambda (step) (funcall legible step (list text))) steps))
                             (list plain '(1.0 1.0 1.0) '(0.0 0.0 0.0))))
             (text (or best plain)))
        (cons (or (seq-find (lambda (step) (funcall legible step (list text))) steps) (car (last steps)))
              text)))))

(defun fovea-heat-define-faces ()
  "Compute the faces for the current theme, unless they are already computed."
  (let* ((dark (eq (frame-parameter nil 'background-mode) 'dark))
         ;; The background of a terminal is not known; assume black or white.
         (ground (fovea--told-color (face-background 'default nil t) (if dark "#101010" "#ffffff")))
         (plain (fovea--told-color (face-foreground 'default nil t) (if dark "#e4e4e4" "#1a1a1a")))
         (texts (delete-dups
                 (cons plain (delq nil (mapcar (lambda (face)
                                                 (when-let ((color (and (facep face) (face-foreground face nil t))))
                                                   (unless (string-prefix-p "unspecified" color) (fovea--rgb color))))
                                               fovea-syntax-faces)))))
         (heat (fovea--rgb (or fovea-heat-color (if dark "#4a86c5" "#7db4e8"))))
         (draws (fovea--rgb (if dark "#a07cc5" "#c3a5ea")))
         (few (< (display-color-cells) 256))
         (wanted (list ground texts heat fovea-heat-strength few)))
    (unless (equal wanted fovea--faces-for)
      (setq fovea--faces-for wanted)
      (pcase-dolist (`(,face ,family ,part) fovea-tints)
        (unless (or (get face 'theme-face) (get face 'saved-face) (get face 'customized-face))
          (if few
              ;; A terminal with few colors has no soft ones.
              (set-face-attribute face nil :background 'unspecified :foreground 'unspecified
                                  :weight (if (eq family 'heat) 'bold 'unspecified) :inverse-video (eq family 'draws))
            (pcase-let* ((color (if (eq family 'heat) heat draws))
                         (`(,step . ,text) (fovea--strongest ground color fovea-heat-strength texts plain)))
              (cl-flet ((hex (rgb) (apply #'color-rgb-to-hex (append rgb '(2)))))
                (set-face-attribute face nil :background (hex (fovea--blend ground color (* part step))) :foreground (if text (hex text) 'unspecified)
                                    :weight 'unspecified :inverse-video 'unspecified)))))))))

(when (boundp 'enable-theme-functions)
  (add-hook 'enable-theme-functions (lambda (_) (fovea-heat-define-faces))))

;;; The legend

(defun fovea-legend ()
  "Explain the colors of Fovea, and how to change them."
  (interactive)
  (fovea-heat-define-faces)
  (let ((keys (with-current-buffer (or (car (fovea-buffers)) (current-buffer))
                ;; The keys are known in a buffer with the mode.
                (substitute-command-keys
                 "Marks: \\[fovea-set-heat] chooses quiet, full or off.
Why is this word marked?  \\[fovea-why].
Is there code like this?  \\[fovea-similar], and why they are similar: \\[fovea-compare].
"))))
    (with-help-window "*Fovea legend*"
      (with-current-buffer standard-output
        (insert "What Fovea's colors mean\n\n  ")
        (insert (propertize " load_config " 'face 'fovea-heat-high) " "
                (propertize " configuration " 'face 'fovea-heat-middle)
                "  The words that tell most of what this code or text is about,\n"
                "  as the model on this machine reads it. Most words have no mark.\n\n  "
                (propertize " open " 'face 'fovea-draws-strong) " "
                (propertize " path " 'face 'fovea-draws-middle) " "
                (propertize " file " 'face 'fovea-draws-weak)
                "  While point rests on a word: the words that the model reads it\n  with, the strongest color first.\n\n  "
                (propertize "unread" 'face 'fovea-unread)
                "  Text that the model cannot read.\n\n")
        (insert keys)))))

(defcustom fovea-hint t
  "Whether the first heat that you see shows one line of help."
  :type 'boolean
  :group 'fovea)

(defun fovea--hint-file ()
  "The file that records that the hint was shown."
  (locate-user-emacs-file "fovea-hint-shown"))

(defun fovea--hint ()
  "Show once what the marks mean and where to find more."
  (when (and fovea-hint fovea--heat (nth 1 fovea--heat) (get-buffer-window) (not (minibufferp (window-buffer (selected-window)))))
    (setq fovea-hint nil)
    (unless (file-exists-p (fovea--hint-file))
      (ignore-errors (write-region "" nil (fovea--hint-file) nil 'silent))
      (message "%s" (substitute-command-keys
                     "Fovea marks the few words that tell what code is about; \\[fovea-legend] explains the colors")))))

;;; The known heat

(defvar-local fovea--heat nil
  "The heat told last: (VERSION WORDS UNREAD), drawn or not.
WORDS are vectors [LINE START END LEVEL] in order.")

(defvar-local fovea--undrawn nil
  "Lines whose heat is not drawn: (TOP . REST), with REST lines below; or nil.")

(defvar-local fovea-heat-last nil "The last message that was drawn.")

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
  "Merge PARAMS into the known heat; nil if the previous message is missing."
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
  "Merge the message PARAMS, and draw it if it is of the current text."
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
        (fovea--hint)
        (run-hooks 'fovea-heat-hook)))))

(defvar fovea-heat-hook nil "Hook that runs in a buffer after its heat is drawn.")

;;; Drawing

(defun fovea--draw-lines (top bottom)
  "Draw the words of the lines TOP to BOTTOM, which is exclusive, again."
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
              ;; Below the region, the current line and the marks of a checker.
              (overlay-put overlay 'priority -60)
              (overlay-put overlay 'evaporate t))))))))

(defun fovea--draw-unread ()
  "Dim the text that the model cannot read."
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
      ;; All lines count as undrawn until the last slice is drawn.
      (setq fovea--undrawn (cons 0 0))
      (dolist (window (get-buffer-window-list nil nil t))
        (fovea--draw-lines
         (max top (1- (line-number-at-pos (window-start window) t)))
         (min bottom (+ (line-number-at-pos (window-start window) t) (window-body-height window)))))
      (fovea--draw-slice (current-buffer) fovea--heat top bottom))))

(defun fovea--draw-slice (buffer heat top bottom)
  "Draw HEAT from line TOP toward BOTTOM in BUFFER, and go on a little later.
It ends where newer heat has come, or an edit that newer heat will come for."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when (and (eq heat fovea--heat) (fovea-current-p (car heat)))
        (fovea--draw-lines top (min bottom (+ top fovea-heat-slice)))
        (if (< (+ top fovea-heat-slice) bottom)
            (run-with-timer 0.005 nil #'fovea--draw-slice buffer heat (+ top fovea-heat-slice) bottom)
          (setq fovea--undrawn nil))))))

(defun fovea-heat-clear ()
  "Remove the heat of the current buffer."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'fovea-heat t)
    (remove-overlays (point-min) (point-max) 'fovea-unread t))
  (setq fovea--heat nil fovea--undrawn nil fovea-heat-last nil))

(provide 'fovea-heat)
;;; fovea-heat.el ends here
