;;; fovea-words.el --- Explanations of the word at point  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; ElDoc explains the word at point in one line, overlays mark the words that
;; the model reads it with, and a help buffer has the numbers.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
;; Not autoloaded before Emacs 29.
(require 'text-property-search)
(require 'fovea-connection)
(require 'fovea-heat)

(defvar fovea-mode)

;;; Hover

(defun fovea--hover-text (answer)
  "The text of the hover ANSWER without Markdown; nil for none."
  (when-let ((value (plist-get (plist-get answer :contents) :value)))
    (string-trim (replace-regexp-in-string "\\*\\*\\|`\\|\\\\\\([][_*<>&#]\\)" "\\1" value))))

(defun fovea--one-line (text)
  "TEXT in one line that fits into the echo area; later lines are cut first."
  (let ((lines (seq-remove #'string-empty-p (mapcar #'string-trim (split-string text "\n"))))
        (width (max 20 (1- (frame-width)))))
    (while (and (cdr lines) (> (string-width (string-join lines " · ")) width))
      (setq lines (butlast lines)))
    (truncate-string-to-width (string-join lines " · ") width nil nil "…")))

(defun fovea-eldoc-function (callback)
  "Pass CALLBACK one line about the word at point."
  (when (fovea-ready-p)
    (let ((buffer (current-buffer)) (place (point)))
      (fovea-request-async
       :textDocument/hover
       (list :textDocument (list :uri (fovea-uri)) :position (fovea-position place))
       (lambda (answer)
         (when (and (buffer-live-p buffer)
                    (with-current-buffer buffer (= (point) place)))
           (let ((text (fovea--hover-text answer)))
             (funcall callback (and text (fovea--one-line text)))))))
      t)))

(defun fovea-hover ()
  "Show the sentence about the word at point in a window."
  (interactive)
  (let ((text (fovea--hover-text
               (fovea-request :textDocument/hover
                              (list :textDocument (list :uri (fovea-uri))
                                    :position (fovea-position (point)))))))
    (if text
        (with-help-window "*fovea*" (princ text))
      (message "%s" (substitute-command-keys
                     "Fovea: this word is not one of the telling ones; \\[fovea-why] shows its numbers")))))

;;; What a word draws on

(defvar-local fovea--highlights nil "Overlays of the words that the word at point draws on.")
(defvar-local fovea--drawn-at nil "The last requested word: (POINT . TICK).")
(defvar fovea--draws-request nil "The pending request for a word.")
(defvar fovea--highlight-timer nil "The timer that waits for point to rest.")

(defcustom fovea-highlight t
  "Whether the words that the model reads the word at point with are marked.
They have faces of their own, so they stand beside what Eglot or lsp-mode mark."
  :type 'boolean
  :group 'fovea)

(defun fovea--unhighlight ()
  "Remove the marks."
  (mapc #'delete-overlay fovea--highlights)
  (setq fovea--highlights nil))

(defun fovea--show-draws (words)
  "Mark WORDS, each with a `:range' and a `:strength' of 1 to 3."
  (fovea--unhighlight)
  (fovea-heat-define-faces)
  (seq-do
   (lambda (word)
     (let* ((range (plist-get word :range))
            (start (fovea-point (plist-get range :start)))
            (end (fovea-point (plist-get range :end))))
       ;; Punctuation is not marked, because it tells the user nothing.
       (when (string-match-p "[[:alnum:]]" (buffer-substring-no-properties start end))
         (let ((overlay (make-overlay start end)))
           (overlay-put overlay 'face
                        (pcase (plist-get word :strength)
                          (3 'fovea-draws-strong) (2 'fovea-draws-middle) (_ 'fovea-draws-weak)))
           (overlay-put overlay 'priority 5)
           (overlay-put overlay 'fovea-highlight t)
           (overlay-put overlay 'evaporate t)
           (push overlay fovea--highlights)))))
   words))

(defun fovea--from-highlights (highlights)
  "HIGHLIGHTS, the answer of an older server, as words of `fovea/drawsOn'."
  (mapcar (lambda (one) (list :range (plist-get one :range) :strength (or (plist-get one :kind) 1))) highlights))

(defun fovea-highlight-now ()
  "Mark the words that the model reads the word at point with."
  (interactive)
  (when (fovea-ready-p)
    (let* ((buffer (current-buffer)) (place (point))
           (params (list :textDocument (list :uri (fovea-uri)) :position (fovea-position place)))
           (show (lambda (words)
                   (when (buffer-live-p buffer)
                     (with-current-buffer buffer
                       (when (= (point) place) (fovea--show-draws words)))))))
      ;; A new request cancels the previous one.
      (fovea-cancel fovea--draws-request)
      (setq fovea--draws-request
            (fovea-request-async
             :fovea/drawsOn params
             (lambda (answer)
               (setq fovea--draws-request nil)
               (funcall show (plist-get answer :words)))
             (lambda (err)
               (setq fovea--draws-request nil)
               (when (and (equal (plist-get err :code) -32601) (fovea-running-p))
                 (with-current-buffer buffer
                   (fovea-request-async :textDocument/documentHighlight params
                                        (lambda (answer) (funcall show (fovea--from-highlights answer))))))))))))

(defun fovea--rested ()
  "Mark the words that the word at point draws on when point rests."
  (let ((here (cons (point) (buffer-chars-modified-tick))))
    (when (and (bound-and-true-p fovea-mode) fovea-highlight (fovea-ready-p)
               (not (equal here fovea--drawn-at)))
      (setq fovea--drawn-at here)
      (fovea-highlight-now))))

(defun fovea--moved ()
  "Remove the marks if point has moved or the text has changed."
  (unless (equal fovea--drawn-at (cons (point) (buffer-chars-modified-tick)))
    (setq fovea--drawn-at nil)
    (when fovea--highlights (fovea--unhighlight)))
  (fovea-tell-visible))

;;; Text that folds

(defun fovea-insert-folded (title text)
  "Insert TEXT, hidden until the button TITLE before it is pressed."
  (let ((shown nil) start overlay)
    (insert-text-button
     (concat "▸ " title)
     'follow-link t
     'help-echo "Show or hide"
     'fovea-fold t
     'action (lambda (button)
               (setq shown (not shown))
               (overlay-put overlay 'invisible (not shown))
               (let ((inhibit-read-only t) (place (button-start button)))
                 (subst-char-in-region place (1+ place) (if shown ?▸ ?▾) (if shown ?▾ ?▸) t))))
    (insert "\n")
    (setq start (point))
    (insert text)
    (unless (bolp) (insert "\n"))
    (setq overlay (make-overlay start (point)))
    (overlay-put overlay 'fovea-folded t)
    (overlay-put overlay 'invisible t)))

(defun fovea-unfold ()
  "Show or hide the details of this buffer."
  (interactive)
  (save-excursion
    (goto-char (point-min))
    (when-let ((match (text-property-search-forward 'fovea-fold t t)))
      (push-button (prop-match-beginning match)))))

;;; Why

(defun fovea--percent (share)
  "SHARE as a percentage."
  (format "%.1f%%" (* 100.0 share)))

(defun fovea--unit-name (unit)
  "The name of UNIT in a sentence."
  (let ((name (plist-get unit :name)) (kind (plist-get unit :kind)))
    (if (stringp name) name
      (format "the %s at line %d" kind (1+ (plist-get (plist-get unit :start) :line))))))

(defun fovea--insert-words (unit count &optional marked)
  "Insert the COUNT most telling words of UNIT with bars; MARKED stands out."
  (let* ((words (seq-filter (lambda (word) (string-match-p "[[:alnum:]]" (plist-get word :text)))
                            (plist-get unit :words)))
         (words (seq-sort-by (lambda (word) (plist-get word :score)) #'> words))
         (most (if (seq-empty-p words) 0 (plist-get (elt words 0) :score))))
    (seq-do (lambda (word)
              (let ((cells (if (> most 0) (round (* 20 (/ (max 0 (plist-get word :score)) most))) 0))
                    (text (replace-regexp-in-string "[[:space:]]+" " " (plist-get word :text))))
                (insert (format "%8s %s%s %s\n" (fovea--percent (plist-get word :score))
                                (propertize (make-string cells ?\s) 'face 'fovea-heat-high)
                                (make-string (- 20 cells) ?\s)
                                (if (eq word marked) (propertize text 'face 'fovea-focus) text)))))
            (seq-take words count))))

(defun fovea--unit-details (answer unit)
  "The detailed numbers in ANSWER and UNIT."
  (format "Method %s, model %s, %d tokens.
Shares that belong to no word: biases %s, special tokens %s.
The shares sum to the whole, up to a residual of %.0e.\n"
          (plist-get answer :method) (plist-get answer :model) (plist-get unit :tokens)
          (fovea--percent (plist-get unit :bias_share)) (fovea--percent (plist-get unit :special_share))
          (plist-get unit :residual)))

(defun fovea--ordinal (rank)
  "RANK in words."
  (or (nth (1- rank) '("the most telling word" "the second most telling word" "the third most telling word"))
      (format "number %d" rank)))

(defvar fovea-why-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map special-mode-map))
    (define-key map "d" #'fovea-unfold)
    map)
  "Keys in an explanation.")

(define-derived-mode fovea-why-mode special-mode "Fovea-Why"
  "An explanation of a word or of a passage."
  (setq-local word-wrap t))

(defmacro fovea--with-explanation (&rest body)
  "Show a window with the text that BODY inserts."
  (declare (indent 0) (debug t))
  `(with-current-buffer (get-buffer-create "*fovea explain*")
     (fovea-why-mode)
     (let ((inhibit-read-only t))
       (remove-overlays)
       (erase-buffer)
       ,@body)
     (goto-char (point-min))
     (display-buffer (current-buffer))
     (current-buffer)))

(defun fovea--unit-at (units place)
  "The smallest of UNITS around PLACE of the current buffer, and its word there."
  (let (best)
    (seq-do
     (lambda (unit)
       (let ((start (fovea-byte-place (plist-get unit :start))) (end (fovea-byte-place (plist-get unit :end))))
         (when (and (<= start place) (< place (max end (1+ start)))
                    (or (not best) (< (- end start) (car best))))
           (setq best (cons (- end start) unit)))))
     units)
    (when best
      (list (cdr best)
            (seq-find (lambda (word)
                        (and (<= (fovea-byte-place (plist-get word :start)) place)
                             (< place (fovea-byte-place (plist-get word :end)))))
                      (plist-get (cdr best) :words))))))

(defun fovea-why ()
  "Show the numbers of the word at point and of its unit."
  (interactive)
  (let* ((document (list :uri (fovea-uri)))
         (answer (fovea-request :fovea/explain (list :textDocument document)))
         (found (save-restriction (widen) (fovea--unit-at (plist-get answer :units) (point))))
         (unit (car found)) (word (cadr found)))
    (unless word (user-error "Fovea: there is no word here that the model reads"))
    (let* ((draws (ignore-errors
                    (fovea-request :fovea/drawsOn (list :textDocument document :position (fovea-position (point))))))
           (told (mapcar (lambda (one)
                           (let ((range (plist-get one :range)))
                             (cons (buffer-substring-no-properties (fovea-point (plist-get range :start))
                                                                   (fovea-point (plist-get range :end)))
                                   (plist-get one :share))))
                         (seq-filter (lambda (one) (plist-get one :share)) (plist-get draws :words))))
           (told (seq-filter (lambda (one) (string-match-p "[[:alnum:]]" (car one))) told)))
      (fovea--with-explanation
        (insert (format "%s is %s of %s: it carries %s (rank %d of %d).\n"
                        (propertize (plist-get word :text) 'face 'fovea-focus)
                        (fovea--ordinal (plist-get word :rank)) (fovea--unit-name unit)
                        (fovea--percent (plist-get word :score)) (plist-get word :rank)
                        (length (plist-get unit :words))))
        (when told
          (insert "The model reads it with "
                  (mapconcat (lambda (one) (format "%s (%s)" (car one) (fovea--percent (cdr one))))
                             (seq-take (seq-sort-by #'cdr #'> told) 5) ", ")
                  ".\n"))
        (insert (format "\nThe most telling words of %s:\n" (fovea--unit-name unit)))
        (fovea--insert-words unit 12 word)
        (insert "\n")
        (fovea-insert-folded "Details" (fovea--unit-details answer unit))))))

(defun fovea--turn-row (turn most label)
  "A line with a bar for TURN, of at most MOST, and LABEL."
  (format "%6.3f %-24s %s\n" turn (make-string (round (* 24 (/ turn (max most 1e-9)))) ?█) label))

(defun fovea--count-words (count)
  "COUNT words, in words."
  (if (= count 1) "1 word" (format "%d words" count)))

(defvar fovea-trust-functions nil
  "Functions that return the argument of `fovea.trust' for what is at point.
The first one that returns more than nil decides; without any, the unit at
point is judged.")

(defconst fovea--changes
  '(("embedding" . "How far the embedding turns (1 - cosine):")
    ("similarity" . "How far the similarity falls:")
    ("answer" . "How far the score of the answer falls:"))
  "What the curve of a verdict shows.")

;;;###autoload
(defun fovea-trust ()
  "Say whether the explanation at point can be trusted.
Fovea deletes the words with the highest scores, and as many random words, and
compares what changes.  In a comparison and on the marked answer to a question
it judges their words.  It takes up to two seconds."
  (interactive)
  (let ((answer (fovea-wait "judging the explanation" "fovea.trust"
                            (or (run-hook-with-args-until-success 'fovea-trust-functions)
                                (list :uri (fovea-uri) :position (fovea-position (point)))))))
    (unless answer (user-error "Fovea: there is nothing at point to judge"))
    (let* ((curve (append (plist-get answer :curve) nil))
           (random (plist-get answer :random))
           (most (apply #'max random (mapcar (lambda (point) (elt point 1)) curve))))
      (fovea--with-explanation
        (insert (plist-get answer :sentence) "\n")
        (when curve
          (insert "\n" (cdr (or (assoc (plist-get answer :target) fovea--changes) (car fovea--changes))) "\n")
          (dolist (point curve)
            (insert (fovea--turn-row (elt point 1) most
                                     (format "without the %s of the highest scores" (fovea--count-words (elt point 0))))))
          (insert (fovea--turn-row random most
                                   (format "without %s at random, mean of %d draws"
                                           (fovea--count-words (plist-get answer :deleted)) (plist-get answer :sets)))))))))

(defun fovea-show-explanation (answer)
  "Show the words of ANSWER, the JSON of `fovea explain', most telling first."
  (fovea--with-explanation
    (seq-do
     (lambda (unit)
       (insert (format "The most telling words of %s:\n" (fovea--unit-name unit)))
       (fovea--insert-words unit 20)
       (insert "\n")
       (fovea-insert-folded "Details" (fovea--unit-details answer unit)))
     (plist-get answer :units))))

(provide 'fovea-words)
;;; fovea-words.el ends here
