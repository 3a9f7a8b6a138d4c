;;; fovea-compare.el --- Why two passages are similar  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Both passages side by side; as point moves onto a word of one, its partners
;; light up on the other.  The pairs of words are an exact split of the cosine.
;; And the words that carry one passage, as a list.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-heat)

(defconst fovea-compare-worth 0.08
  "A partner with less than this share of the strongest one is noise.")

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
    ;; With its indentation, so that the lines stand as in the file.
    (when (string-blank-p (buffer-substring-no-properties bol start)) (setq start bol))
    (save-restriction
      (widen)
      (when (fboundp 'font-lock-ensure) (ignore-errors (font-lock-ensure start end)))
      (make-fovea-passage-data
       :text (buffer-substring start end)
       :language (fovea-language)
       :uri uri
       :line (plist-get (plist-get range :start) :line)))))

(defvar-local fovea--side nil "0 for the first passage of a comparison, 1 for the second.")
(defvar-local fovea--other nil "The buffer of the other passage.")
(defvar-local fovea--words nil "The words of the passage: a vector of (START END SCORE TEXT).")
(defvar-local fovea--pairs nil "What each two words make together, by the words of the first passage.")
(defvar-local fovea--passage nil "The passage shown.")
(defvar-local fovea--before-comparison nil "The windows as they were.")

(defun fovea--column (text bytes)
  "The characters of TEXT that its first BYTES bytes are."
  (length (decode-coding-string (substring (encode-coding-string text 'utf-8) 0 bytes) 'utf-8)))

(defun fovea--place (place)
  "Where PLACE, which has a line and a column in bytes, is in the current buffer."
  (save-excursion
    (goto-char (point-min))
    (forward-line (plist-get place :line))
    (+ (point) (fovea--column (buffer-substring-no-properties (point) (line-end-position))
                              (plist-get place :column)))))

(defun fovea--placed (words)
  "WORDS of an answer as `fovea--words' has them, in the current buffer."
  (vconcat (mapcar (lambda (word)
                     (list (fovea--place (plist-get word :start)) (fovea--place (plist-get word :end))
                           (plist-get word :score) (plist-get word :text)))
                   words)))

(defun fovea--levels (words)
  "Levels of heat for the scores of WORDS: 4 is the average, 8 twice that."
  (let ((sum (seq-reduce (lambda (sum word) (+ sum (max 0 (nth 2 word)))) words 0)))
    (seq-map (lambda (word)
               (let ((score (nth 2 word)))
                 (if (or (<= score 0) (<= sum 0)) 0
                   (max 0 (min fovea-heat-levels
                               (round (+ 4 (* 4 (log (/ (* score (length words)) (float sum)) 2)))))))))
             words)))

(defun fovea--mark (word face priority)
  "Put FACE on WORD with PRIORITY."
  (let ((overlay (make-overlay (nth 0 word) (nth 1 word))))
    (overlay-put overlay 'fovea-compare t)
    (overlay-put overlay 'face face)
    (overlay-put overlay 'priority priority)))

(defun fovea--paint (levels)
  "Show LEVELS, one a word, in the current buffer."
  (remove-overlays (point-min) (point-max) 'fovea-compare t)
  (seq-mapn (lambda (word level)
              (when (> level 0) (fovea--mark word (fovea-heat-face level) 0)))
            fovea--words levels))

(defun fovea--shares (index)
  "What the word INDEX makes with each word of the other passage."
  (let ((count (length (buffer-local-value 'fovea--words fovea--other))))
    (cl-loop for j below count collect
             (if (= fovea--side 0)
                 (aref (aref fovea--pairs index) j)
               (aref (aref fovea--pairs j) index)))))

(defun fovea-compare-follow ()
  "Light the partners of the word at point; without one, what each word brings."
  (when (buffer-live-p fovea--other)
    (let* ((here (point))
           (index (seq-position fovea--words here (lambda (word at) (and (>= at (nth 0 word)) (< at (nth 1 word)))))))
      (fovea--paint (fovea--levels fovea--words))
      (if (not index)
          (with-current-buffer fovea--other (fovea--paint (fovea--levels fovea--words)))
        (let* ((shares (fovea--shares index))
               (most (apply #'max 0 shares))
               (word (aref fovea--words index))
               (strongest (and (> most 0) (seq-position shares most)))
               (levels (mapcar (lambda (share)
                                 (if (and (> most 0) (>= share (* fovea-compare-worth most)))
                                     (max 1 (round (* fovea-heat-levels (/ share most))))
                                   0))
                               shares)))
          (fovea--mark word 'fovea-focus 10)
          (with-current-buffer fovea--other
            (fovea--paint levels)
            (when strongest
              (let ((partner (aref fovea--words strongest)))
                (fovea--mark partner 'fovea-focus 10)
                ;; On screen, and where the other side starts from.
                (goto-char (nth 0 partner))
                (when-let ((window (get-buffer-window nil t)))
                  (set-window-point window (nth 0 partner))))
              (let ((message-log-max nil))
                (message "%s brings %.3f of the cosine, most of it with %s (%.3f)"
                         (nth 3 word) (nth 2 word) (nth 3 (aref fovea--words strongest)) most)))))))))

(defun fovea-compare-quit ()
  "Close the comparison."
  (interactive)
  (let ((windows fovea--before-comparison) (buffers (list fovea--other (current-buffer))))
    (when windows (set-window-configuration windows))
    (mapc (lambda (buffer) (when (buffer-live-p buffer) (kill-buffer buffer))) buffers)))

(defun fovea-compare-visit ()
  "Close the comparison, and go to this line of the file."
  (interactive)
  (let ((passage fovea--passage) (line (1- (line-number-at-pos))))
    (fovea-compare-quit)
    (find-file (fovea-uri-to-path (fovea-passage-data-uri passage)))
    (goto-char (point-min))
    (forward-line (+ (fovea-passage-data-line passage) line))))

(defun fovea-compare-other-side ()
  "Go to the other passage."
  (interactive)
  (when-let ((window (get-buffer-window fovea--other)))
    (select-window window)
    (fovea-compare-follow)))

(defvar fovea-compare-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map special-mode-map)
    (define-key map "q" #'fovea-compare-quit)
    (define-key map (kbd "RET") #'fovea-compare-visit)
    (define-key map (kbd "TAB") #'fovea-compare-other-side)
    map)
  "Keys in a comparison.")

(define-derived-mode fovea-compare-mode special-mode "Fovea-Compare"
  "One of two passages that are compared."
  (setq-local truncate-lines t)
  (add-hook 'post-command-hook #'fovea-compare-follow nil t))

(defun fovea--side-buffer (side passage header)
  "A buffer for PASSAGE as SIDE of a comparison, with HEADER over it."
  (let ((buffer (generate-new-buffer (format "*fovea compare %d*" (1+ side)))))
    (with-current-buffer buffer
      (insert (fovea-passage-data-text passage))
      (goto-char (point-min))
      (fovea-compare-mode)
      (setq fovea--side side
            fovea--passage passage
            mode-line-format (if (= side 0) " Fovea: why these two are similar"
                               " TAB other side · RET visit · q close")
            header-line-format (replace-regexp-in-string "%" "%%" header)))
    buffer))

(defun fovea-compare-headers (answer)
  "What stands over the two passages of ANSWER, as a list."
  (let ((centred (plist-get answer :centred)))
    (list (format " · cosine %.3f · residual %.0e" (plist-get answer :cosine) (plist-get answer :residual))
          (if centred
              (concat (format " · apart from the languages %.3f · languages %.3f"
                              (plist-get centred :cosine) (plist-get centred :common))
                      (if (> (abs (- (plist-get centred :similarity) (plist-get centred :cosine))) 5e-4)
                          (format " · similarity %.3f" (plist-get centred :similarity))
                        ""))
            ""))))

(defun fovea--where (passage)
  "The file and the line of PASSAGE."
  (format " %s:%d" (file-name-nondirectory (fovea-uri-to-path (fovea-passage-data-uri passage)))
          (1+ (fovea-passage-data-line passage))))

(defun fovea-compare-show (answer first second)
  "Show ANSWER, the server's, for the passages FIRST and SECOND."
  (fovea-heat-define-faces)
  (let* ((windows (current-window-configuration))
         (left (fovea--side-buffer 0 first (concat (fovea--where first) (nth 0 (fovea-compare-headers answer)))))
         (right (fovea--side-buffer 1 second (concat (fovea--where second) (nth 1 (fovea-compare-headers answer))))))
    (cl-loop for (buffer other part) in (list (list left right :a) (list right left :b))
             do (with-current-buffer buffer
                  (setq fovea--other other
                        fovea--before-comparison windows
                        fovea--pairs (plist-get answer :pairs)
                        fovea--words (fovea--placed (plist-get (plist-get answer part) :words)))))
    (delete-other-windows)
    (switch-to-buffer left)
    (set-window-buffer (if (>= (frame-width) 100) (split-window-right) (split-window-below)) right)
    ;; The word that brings the most, so that the first sight shows what there is to see.
    (let ((best (car (seq-sort-by (lambda (word) (nth 2 word)) #'>
                                  (seq-filter (lambda (word) (string-match-p "[[:alnum:]]" (nth 3 word)))
                                              fovea--words)))))
      (when best (goto-char (nth 0 best))))
    (fovea-compare-follow)))

(defun fovea-compare-passages (first second)
  "Ask why the passages FIRST and SECOND are similar, and show it."
  ;; As texts: one of them may stand in a file that is not open.
  (fovea-compare-show
   (apply #'fovea-execute "fovea.comparePassages"
          (mapcar (lambda (passage)
                    (list :text (substring-no-properties (fovea-passage-data-text passage))
                          :language (fovea-passage-data-language passage)))
                  (list first second)))
   first second))

;;; The words that carry a passage

(defun fovea-show-explanation (answer)
  "Show the words of ANSWER, the JSON of `fovea explain', heaviest first."
  (with-current-buffer (get-buffer-create "*fovea explain*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert (format "Fovea · %s · %s\n" (plist-get answer :method) (plist-get answer :model)))
      (seq-do
       (lambda (unit)
         (let* ((words (seq-sort-by (lambda (word) (plist-get word :score)) #'> (plist-get unit :words)))
                (most (if (seq-empty-p words) 0 (plist-get (elt words 0) :score))))
           (insert (format "\n%s · line %d · %d tokens\n" (plist-get unit :kind)
                           (1+ (plist-get (plist-get unit :start) :line)) (plist-get unit :tokens)))
           (seq-do (lambda (word)
                     (let ((cells (if (> most 0) (round (* 20 (/ (max 0 (plist-get word :score)) most))) 0)))
                       (insert (format "%6.3f %s%s %s\n" (plist-get word :score)
                                       (propertize (make-string cells ?█) 'face 'font-lock-keyword-face)
                                       (make-string (- 20 cells) ?\s)
                                       (replace-regexp-in-string "[[:space:]]+" " " (plist-get word :text))))))
                   (seq-take words 20))
           (insert (format "bias %.3f · special tokens %.3f · residual %.1e\n" (plist-get unit :bias_share)
                           (plist-get unit :special_share) (plist-get unit :residual)))))
       (plist-get answer :units))
      (goto-char (point-min))
      (special-mode))
    (display-buffer (current-buffer))))

(provide 'fovea-compare)
;;; fovea-compare.el ends here
