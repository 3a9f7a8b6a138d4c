;;; fovea-compare.el --- Why two passages are similar  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A sentence and the shared words of two passages, and below them both
;; passages side by side.  When point is on a word of one passage, its partners
;; in the other are marked; the server computes them on demand.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-heat)
(require 'fovea-words)

(defconst fovea-compare-worth 0.15
  "The minimum share of the strongest partner; weaker partners are noise.")

(cl-defstruct fovea-passage-data text language uri line)

(defun fovea-passage (uri range)
  "The passage at RANGE of URI, from its buffer or from its file."
  (let ((buffer (or (fovea-buffer uri) (find-buffer-visiting (fovea-uri-to-path uri)))))
    (if buffer
        (with-current-buffer buffer (fovea--passage-here uri range))
      (with-temp-buffer
        (insert-file-contents (fovea-uri-to-path uri))
        (let ((buffer-file-name (fovea-uri-to-path uri)))
          (delay-mode-hooks (set-auto-mode)))
        (prog1 (fovea--passage-here uri range)
          (set-buffer-modified-p nil))))))

(defun fovea--passage-here (uri range)
  "The passage at RANGE of the current buffer, which holds URI."
  (let* ((start (fovea-point (plist-get range :start)))
         (end (fovea-point (plist-get range :end)))
         (bol (save-excursion (goto-char start) (line-beginning-position))))
    ;; The indentation is included, so that the lines look as in the file.
    (when (string-blank-p (buffer-substring-no-properties bol start)) (setq start bol))
    (save-restriction
      (widen)
      (when (fboundp 'font-lock-ensure) (ignore-errors (font-lock-ensure start end)))
      (make-fovea-passage-data
       :text (buffer-substring start end)
       :language (fovea-language)
       :uri uri
       :line (plist-get (plist-get range :start) :line)))))

;;; The data of a comparison

(cl-defstruct fovea-comparison
  answer passages buffers summary windows
  ;; The rows of the server by (SIDE . WORD), and the requested one.
  (rows (make-hash-table :test #'equal)) asked request)

(defvar-local fovea--comparison nil "The comparison of this buffer.")
(defvar-local fovea--side nil "0 for the first passage of a comparison, 1 for the second.")
(defvar-local fovea--words nil "The words of the passage: a vector of (START END SCORE TEXT).")
(defvar-local fovea--cuts nil "The removed indentation of each line of the passage.")
(defvar-local fovea--title nil "The title above the passage.")

(defun fovea--other ()
  "The buffer of the other passage."
  (nth (- 1 fovea--side) (fovea-comparison-buffers fovea--comparison)))

(defun fovea-dedent (text)
  "TEXT without its common indentation, and the amount that each line lost."
  (let* ((lines (split-string text "\n"))
         (indents (mapcar (lambda (line) (and (not (string-blank-p line)) (string-match "[^ \t]" line))) lines))
         ;; The first line does not count if the passage starts inside it.
         (common (apply #'min most-positive-fixnum
                        (remq nil (if (and (cdr lines) (equal (car indents) 0)) (cdr indents) indents))))
         (cuts (cl-mapcar (lambda (line indent)
                            (min common (or indent (length line))))
                          lines indents)))
    (cons (string-join (cl-mapcar #'substring lines cuts) "\n") (vconcat cuts))))

(defun fovea--place (place)
  "The buffer position of PLACE, a line and a column in bytes of the passage."
  (let* ((line (plist-get place :line))
         (cut (if (< line (length fovea--cuts)) (aref fovea--cuts line) 0)))
    ;; Indentation has one byte for each character.
    (fovea-byte-place (list :line line :column (max 0 (- (plist-get place :column) cut))))))

(defun fovea--placed (words)
  "Convert WORDS of an answer to the form of `fovea--words'."
  (vconcat (mapcar (lambda (word)
                     (list (fovea--place (plist-get word :start)) (fovea--place (plist-get word :end))
                           (plist-get word :score) (plist-get word :text)))
                   words)))

;;; Marks

(defun fovea--mark (word face priority)
  "Put FACE on WORD with PRIORITY."
  (let ((overlay (make-overlay (nth 0 word) (nth 1 word))))
    (overlay-put overlay 'fovea-compare t)
    (overlay-put overlay 'face face)
    (overlay-put overlay 'priority priority)))

(defun fovea--paint (levels)
  "Show LEVELS, one for each word and 0 for none, in the current buffer."
  (remove-overlays (point-min) (point-max) 'fovea-compare t)
  (seq-mapn (lambda (word level)
              (when (> level 0) (fovea--mark word (fovea-heat-face level) 0)))
            fovea--words levels))

(defun fovea--partners (scores)
  "Levels for SCORES, the shares of words with a word of the other side."
  (let ((most (apply #'max 0 (append scores nil))))
    (seq-map (lambda (score)
               (if (and (> most 0) (>= score (* fovea-compare-worth most)))
                   (max 1 (round (* fovea-heat-levels (/ score (float most)))))
                 0))
             scores)))

(defun fovea--shared-levels ()
  "Levels for the words that both passages share, in the current buffer."
  (let ((levels (make-vector (length fovea--words) 0)) (rank 0))
    (dolist (one (fovea--shared fovea--comparison))
      (setq rank (1+ rank))
      (seq-do (lambda (index)
                (when (< index (length levels))
                  (aset levels index (max (aref levels index) (if (<= rank 3) 12 8)))))
              (plist-get one (if (= fovea--side 0) :a :b))))
    levels))

(defun fovea--row (comparison side index)
  "What word INDEX of SIDE of COMPARISON makes with each word of the other side.
It is nil while that is unknown."
  (let ((pairs (plist-get (fovea-comparison-answer comparison) :pairs)))
    (if (not pairs)
        (gethash (cons side index) (fovea-comparison-rows comparison))
      (let ((count (length (buffer-local-value 'fovea--words (nth (- 1 side) (fovea-comparison-buffers comparison))))))
        (vconcat (cl-loop for j below count collect
                          (if (= side 0) (aref (aref pairs index) j) (aref (aref pairs j) index))))))))

(defun fovea--ask-row (comparison side index)
  "Ask the server for the row of word INDEX of SIDE of COMPARISON.
An older question is cancelled."
  (let ((key (cons side index)))
    (unless (equal key (fovea-comparison-asked comparison))
      (fovea-cancel (fovea-comparison-request comparison))
      (setf (fovea-comparison-asked comparison) key)
      (setf (fovea-comparison-request comparison)
            (fovea-request-async
             :workspace/executeCommand
             (list :command "fovea.comparePassages"
                   :arguments (vconcat (mapcar #'fovea--passage-argument (fovea-comparison-passages comparison))
                                       (list (list :row (list :side (if (= side 0) "a" "b") :word index)))))
             (lambda (row)
               (puthash key (plist-get row :scores) (fovea-comparison-rows comparison))
               (when (equal key (fovea-comparison-asked comparison))
                 (setf (fovea-comparison-asked comparison) nil (fovea-comparison-request comparison) nil)
                 (let ((buffer (nth side (fovea-comparison-buffers comparison))))
                   (when (and (buffer-live-p buffer) (eq buffer (window-buffer)))
                     (with-current-buffer buffer (fovea-compare-follow))))))
             (lambda (_)
               (when (equal key (fovea-comparison-asked comparison))
                 (setf (fovea-comparison-asked comparison) nil (fovea-comparison-request comparison) nil))))))))

(defun fovea--word-at-point ()
  "The index of the word at point; nil for none."
  (let ((here (point)))
    (seq-position fovea--words here (lambda (word at) (and (>= at (nth 0 word)) (< at (nth 1 word)))))))

(defun fovea--scroll-to (buffer place)
  "Scroll to PLACE in the window of BUFFER, only as far as necessary."
  (with-current-buffer buffer
    (goto-char place)
    (when-let ((window (get-buffer-window nil t)))
      (set-window-point window place))))

(defun fovea-compare-follow ()
  "Mark the partners of the word at point, or without one the shared words."
  (when (and fovea--comparison fovea--side (buffer-live-p (fovea--other)))
    (let* ((index (fovea--word-at-point))
           (scores (and index (fovea--row fovea--comparison fovea--side index)))
           (levels (and scores (fovea--partners scores)))
           (most (and scores (apply #'max 0 (append scores nil))))
           (strongest (and most (> most 0) (seq-position scores most)))
           (other (fovea--other)))
      (fovea--paint (fovea--shared-levels))
      (when index (fovea--mark (aref fovea--words index) 'fovea-focus 10))
      (when (and index (not scores) fovea--ready)
        (fovea--ask-row fovea--comparison fovea--side index))
      (with-current-buffer other
        (fovea--paint (or levels (fovea--shared-levels)))
        (when strongest
          (let ((partner (aref fovea--words strongest)))
            (fovea--mark partner 'fovea-focus 10)
            (fovea--scroll-to other (nth 0 partner)))))
      (when strongest
        (let ((message-log-max nil)
              (word (nth 3 (aref fovea--words index)))
              (partner (nth 3 (aref (buffer-local-value 'fovea--words other) strongest))))
          (message (if (equal word partner) "%s pairs best with the same word on the other side"
                     "%s pairs best with %s on the other side")
                   word partner))))))

;;; Keys

(defun fovea-compare-quit ()
  "Close the comparison."
  (interactive)
  (let* ((comparison fovea--comparison)
         (windows (fovea-comparison-windows comparison)))
    (fovea-cancel (fovea-comparison-request comparison))
    (setf (fovea-comparison-asked comparison) nil)
    (when windows (set-window-configuration windows))
    (mapc (lambda (buffer) (when (buffer-live-p buffer) (kill-buffer buffer)))
          (cons (fovea-comparison-summary comparison) (fovea-comparison-buffers comparison)))))

(defun fovea-compare-visit ()
  "Close the comparison, and go to this line of the file."
  (interactive)
  (let ((passage (nth fovea--side (fovea-comparison-passages fovea--comparison)))
        (line (1- (line-number-at-pos))))
    (fovea-compare-quit)
    (find-file (fovea-uri-to-path (fovea-passage-data-uri passage)))
    (goto-char (point-min))
    (forward-line (+ (fovea-passage-data-line passage) line))))

(defun fovea-compare-other-side ()
  "Go to the other passage."
  (interactive)
  (when-let ((window (get-buffer-window (if fovea--side (fovea--other)
                                          (car (fovea-comparison-buffers fovea--comparison))))))
    (select-window window)
    (fovea-compare-follow)))

(defun fovea-compare-details ()
  "Show or hide the numbers of the comparison."
  (interactive)
  (with-current-buffer (fovea-comparison-summary fovea--comparison)
    (fovea-unfold)
    (when-let ((window (get-buffer-window)))
      (let ((window-min-height 2)) (fit-window-to-buffer window 12 2)))))

(defvar fovea-compare-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map special-mode-map)
    (define-key map "q" #'fovea-compare-quit)
    (define-key map "d" #'fovea-compare-details)
    (define-key map (kbd "RET") #'fovea-compare-visit)
    (define-key map (kbd "TAB") #'fovea-compare-other-side)
    (define-key map "t" #'fovea-trust)
    map)
  "Keys in a comparison.")

(define-derived-mode fovea-compare-mode special-mode "Fovea-Compare"
  "One of two compared passages."
  ;; Only the line of a word at the far right scrolls.
  (setq-local truncate-lines t auto-hscroll-mode 'current-line)
  (add-hook 'post-command-hook #'fovea-compare-follow nil t))

(defvar fovea-compare-summary-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map special-mode-map))
    (define-key map "q" #'fovea-compare-quit)
    (define-key map "d" #'fovea-compare-details)
    (define-key map "t" #'fovea-trust)
    map)
  "Keys in the summary of a comparison.")

(define-derived-mode fovea-compare-summary-mode special-mode "Fovea-Shared"
  "The shared words of two passages."
  (setq-local truncate-lines nil word-wrap t))

;;; The view

(defun fovea--where (passage)
  "The file and the line of PASSAGE."
  (format "%s:%d" (file-name-nondirectory (fovea-uri-to-path (fovea-passage-data-uri passage)))
          (1+ (fovea-passage-data-line passage))))

(defun fovea--first-line (passage)
  "The first line of PASSAGE that is neither blank nor a comment or a decorator."
  (let ((lines (mapcar #'string-trim (split-string (substring-no-properties (fovea-passage-data-text passage)) "\n" t))))
    (or (seq-find (lambda (line) (not (string-match-p "\\`\\(?:[/#;*@-]\\|\\'\\)" line))) lines)
        (car lines) "")))

(defun fovea--cut-title ()
  "The title of this side, cut to its window."
  (replace-regexp-in-string
   "%" "%%" (truncate-string-to-width (or fovea--title "") (max 10 (1- (window-width))) nil nil "…")))

(defun fovea--side-buffer (side passage)
  "A buffer for PASSAGE as SIDE of a comparison."
  (let ((buffer (generate-new-buffer (format "*fovea compare %d*" (1+ side))))
        (text (fovea-dedent (fovea-passage-data-text passage))))
    (with-current-buffer buffer
      (insert (car text))
      (goto-char (point-min))
      (fovea-compare-mode)
      (setq fovea--side side
            fovea--cuts (cdr text)
            fovea--title (format " %s  %s" (fovea--where passage) (fovea--first-line passage))
            mode-line-format " TAB other side · RET open · d details · t trust? · q close"
            header-line-format '(:eval (fovea--cut-title))))
    buffer))

(defun fovea--derived-shared (answer)
  "The shared words of ANSWER, if an older server does not send them."
  (let ((pairs (plist-get answer :pairs)) found)
    (when pairs
      (let* ((words (plist-get (plist-get answer :a) :words))
             (others (plist-get (plist-get answer :b) :words)))
        (dotimes (i (length words))
          (let ((text (plist-get (aref words i) :text)))
            (when (string-match-p "[[:alnum:]_]\\{3\\}" text)
              (dotimes (j (length others))
                (let ((score (aref (aref pairs i) j)))
                  (when (and (> score 0) (string-match-p "[[:alnum:]_]\\{3\\}" (plist-get (aref others j) :text)))
                    (push (list :a (vector i) :b (vector j) :score score
                                :text (if (equal text (plist-get (aref others j) :text)) text
                                        (format "%s ~ %s" text (plist-get (aref others j) :text))))
                          found)))))))
        (seq-take (cl-remove-duplicates (seq-sort-by (lambda (one) (plist-get one :score)) #'> found)
                                        :key (lambda (one) (plist-get one :text)) :test #'equal :from-end t)
                  8)))))

(defun fovea--shared (comparison)
  "The shared words of COMPARISON, best first."
  (let ((answer (fovea-comparison-answer comparison)))
    (append (plist-get answer :shared) nil)))

(defun fovea-compare-figures (answer)
  "The detailed numbers of ANSWER, in a line."
  (let ((centered (plist-get answer :centered)) (pairs (plist-get answer :pairs)))
    (cl-flet ((side (part) (plist-get (plist-get answer part) :bias)))
      (string-join
       (delq nil
             (list (format "cosine %.3f" (plist-get answer :cosine))
                   (and centered (format "apart from the languages %.3f" (plist-get centered :cosine)))
                   (and centered (format "languages %.3f" (plist-get centered :common)))
                   (and centered (numberp (plist-get centered :similarity))
                        (> (abs (- (plist-get centered :similarity) (plist-get centered :cosine))) 5e-4)
                        (format "similarity %.3f" (plist-get centered :similarity)))
                   (and (numberp (side :a)) (numberp (side :b)) (format "biases %.3f and %.3f" (side :a) (side :b)))
                   (and pairs (> (length pairs) 1)
                        (let ((special (aref pairs (- (length pairs) 2))))
                          (format "special tokens %.3f" (seq-reduce #'+ special 0))))
                   (format "residual %.0e" (plist-get answer :residual))))
       " · "))))

(defun fovea--jump-to-shared (comparison one)
  "Show the shared word of COMPARISON that is ONE, on both sides."
  (cl-loop for buffer in (fovea-comparison-buffers comparison)
           for indices in (list (plist-get one :a) (plist-get one :b))
           do (when (and (buffer-live-p buffer) (> (length indices) 0))
                (with-current-buffer buffer
                  (fovea--paint (fovea--shared-levels))
                  (seq-do (lambda (index) (fovea--mark (aref fovea--words index) 'fovea-focus 10)) indices)
                  (fovea--scroll-to buffer (nth 0 (aref fovea--words (elt indices 0))))))))

(defun fovea--summary-buffer (comparison)
  "The buffer with the sentence and the shared words of COMPARISON."
  (let* ((answer (fovea-comparison-answer comparison))
         (shared (seq-take (fovea--shared comparison) 8))
         (summary (plist-get answer :summary)))
    (with-current-buffer (generate-new-buffer "*fovea: what both share*")
      (fovea-compare-summary-mode)
      (setq fovea--comparison comparison
            mode-line-format nil)
      (let ((inhibit-read-only t))
        (insert (propertize (if (stringp summary) (string-replace "`" "" summary)
                              (if shared "Both have these words in common."
                                "The two have hardly a word in common."))
                            'face 'bold)
                "\n")
        (when shared
          (insert "Shared: ")
          (let ((first t))
            (dolist (one shared)
              (unless first (insert " · "))
              (setq first nil)
              (insert-text-button (plist-get one :text)
                                  'follow-link t 'face 'fovea-heat-middle
                                  'help-echo "Show this on both sides"
                                  'action (lambda (_) (fovea--jump-to-shared comparison one)))))
          (insert "\n"))
        (fovea-insert-folded "Details" (concat (fovea-compare-figures answer) "\n")))
      (goto-char (point-min))
      (current-buffer))))

(defun fovea-compare-show (answer first second)
  "Show ANSWER of the server for the passages FIRST and SECOND."
  (fovea-heat-define-faces)
  (unless (plist-get answer :shared)
    (setq answer (append (list :shared (fovea--derived-shared answer)) answer)))
  (let* ((left (fovea--side-buffer 0 first))
         (right (fovea--side-buffer 1 second))
         (comparison (make-fovea-comparison :answer answer :passages (list first second) :buffers (list left right)
                                            :windows (current-window-configuration))))
    (cl-loop for buffer in (list left right) for part in '(:a :b)
             do (with-current-buffer buffer
                  (setq fovea--comparison comparison
                        fovea--words (fovea--placed (plist-get (plist-get answer part) :words)))))
    (setf (fovea-comparison-summary comparison) (fovea--summary-buffer comparison))
    (delete-other-windows)
    (switch-to-buffer (fovea-comparison-summary comparison))
    (let ((top (selected-window)) (below (split-window-below (min 5 (/ (window-height) 3)))))
      (let ((window-min-height 2)) (ignore-errors (fit-window-to-buffer top (max 3 (/ (frame-height) 3)) 2)))
      (select-window below)
      (switch-to-buffer left)
      (set-window-buffer (if (>= (frame-width) 100) (split-window-right) (split-window-below)) right))
    ;; Point begins at the first shared word.
    (let ((best (car (fovea--shared comparison))))
      (when (and best (> (length (plist-get best :a)) 0))
        (goto-char (nth 0 (aref fovea--words (elt (plist-get best :a) 0))))))
    (fovea-compare-follow)))

(defun fovea--passage-argument (passage)
  "PASSAGE as an argument: as text, because its file may not be open."
  (list :text (substring-no-properties (fovea-passage-data-text passage))
        :language (fovea-passage-data-language passage)))

(defun fovea--trust-comparison ()
  "What `fovea.trust' judges in a comparison, or nil elsewhere."
  (when fovea--comparison
    (cl-mapcan (lambda (part passage) (list part (fovea--passage-argument passage)))
               '(:a :b) (fovea-comparison-passages fovea--comparison))))

(add-hook 'fovea-trust-functions #'fovea--trust-comparison)

(defun fovea-compare-passages (first second)
  "Ask why the passages FIRST and SECOND are similar, and show it."
  (let ((arguments (mapcar #'fovea--passage-argument (list first second))))
    (fovea-compare-show
     (condition-case err
         (apply #'fovea-wait "comparing" "fovea.comparePassages" (append arguments '((:pairs :json-false))))
       ;; An older server takes two arguments only.
       (user-error
        (if (string-match-p "argument" (error-message-string err))
            (apply #'fovea-wait "comparing" "fovea.comparePassages" arguments)
          (signal (car err) (cdr err)))))
     first second)))

(provide 'fovea-compare)
;;; fovea-compare.el ends here
