;;; fovea-places.el --- Search, similar items and comparison  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Commands that go to other text, and that say why two passages are similar.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-compare)

(defvar fovea--status)

(defun fovea--visit (uri range)
  "Open the document URI at the start of RANGE."
  (push-mark nil t)
  (pop-to-buffer-same-window (find-file-noselect (fovea-uri-to-path uri)))
  (when range
    (goto-char (fovea-point (plist-get range :start)))
    (recenter)))

;;; Similar items, and items that a search found

(defun fovea--item-path (item)
  "Where ITEM stands, for people."
  (let ((store (plist-get item :store)))
    (if store
        (format "%s: %s" (plist-get store :folder) (plist-get store :path))
      (fovea-readable (plist-get item :uri)))))

(defun fovea--describe (item)
  "One line about ITEM, which begins with its name for completion."
  (format "%s%s · %s:%d" (plist-get item :name)
          (if-let ((container (plist-get item :container))) (concat " in " container) "")
          (fovea--item-path item)
          (1+ (plist-get (plist-get (plist-get item :selection) :start) :line))))

(defun fovea--annotate (item)
  "The annotation of ITEM."
  (let ((matched (plist-get (plist-get item :why) :matched)))
    (concat (format "  ≈ %.2f" (plist-get item :score))
            (if (seq-empty-p matched) "" (concat "  " (string-join matched ", "))))))

(defun fovea--go (item)
  "Go to ITEM, or open the web page of an item in a team's store."
  (let ((uri (plist-get item :uri)))
    (cond
     ((not (plist-get item :store)) (fovea--visit uri (plist-get item :selection)))
     ((string-match-p "\\`https?:" uri) (browse-url uri))
     (t (message "Fovea: %s" (fovea--describe item))))))

(defun fovea--choose (prompt items describe &optional annotate)
  "Let the person choose one of ITEMS, best first, by PROMPT.
DESCRIBE makes a line of an item, and ANNOTATE what stands behind it.  Without a
choice it is the first."
  (let* ((table (mapcar (lambda (item) (cons (funcall describe item) item)) items))
         (behind (lambda (line)
                   (when-let ((item (and annotate (cdr (assoc line table)))))
                     (propertize (funcall annotate item) 'face 'completions-annotations))))
         (collection (lambda (string predicate action)
                       (if (eq action 'metadata)
                           `(metadata (display-sort-function . identity)
                                      (cycle-sort-function . identity)
                                      (annotation-function . ,behind)
                                      (category . fovea))
                         (complete-with-action action table string predicate)))))
    (cdr (assoc (completing-read (format-prompt prompt "the first") collection nil t nil nil (caar table)) table))))

(defun fovea--go-to-one (prompt items)
  "Go to one of ITEMS, the only one or the one that the user chooses by PROMPT."
  (when-let ((item (if (cdr items)
                       (fovea--choose prompt items #'fovea--describe #'fovea--annotate)
                     (car items))))
    (fovea--go item)))

(defconst fovea--nothing 0.1
  "The minimum cosine of an item that is related to the query.")

;;;###autoload
(defun fovea-view ()
  "Show in a browser what the model does with this buffer.
The page follows point and your edits until the server ends."
  (interactive)
  (let ((answer (fovea-wait "opening the page" "fovea.openView"
                            (list :uri (fovea-uri) :position (fovea-position (point)) :show :json-false))))
    (browse-url (plist-get answer :address))))

(defun fovea-search (query)
  "Find functions, types and headings that are about QUERY, and go to one.
Those of the open documents and of the folder are searched, by what they mean."
  (interactive (list (read-string "Search by meaning: " nil 'fovea-search-history)))
  (let* ((answer (fovea-execute "fovea.search" (list :query query :notes t)))
         ;; A server that does not know notes answers with only the list.
         (noted (and (consp answer) (plist-member answer :items)))
         (notes (append (and noted (plist-get answer :notes)) nil))
         (items (seq-filter (lambda (item) (>= (plist-get item :score) fovea--nothing))
                            (if noted (plist-get answer :items) answer))))
    (when notes
      (message "Fovea: %s" (string-join notes "; ")))
    (if items
        (fovea--go-to-one (format "About %s" query) items)
      (message "Fovea: nothing found%s"
               (if (equal (plist-get (plist-get fovea--status :index) :state) "indexing")
                   " yet: the folder is being indexed" "")))))

(defun fovea-similar ()
  "Go to an item that is similar to the one at point."
  (interactive)
  (let* ((here (fovea-position (point)))
         (answer (fovea-execute "fovea.showSimilar"
                                (list :uri (fovea-uri) :range (list :start here :end here))))
         (items (append (plist-get answer :similar) nil)))
    ;; The server itself opens a single item, and shows a message if there is none.
    (when (and items (not (plist-get answer :shown)))
      (fovea--go-to-one (format "Similar to %s" (plist-get answer :name)) items))))

;;; Comparing and explaining

(defvar fovea--remembered nil
  "The first of two passages to compare, as (URI . RANGE).")

(defun fovea--actions ()
  "The server's code actions at point that explain a similarity."
  (let ((here (fovea-position (point))))
    (seq-filter
     (lambda (action)
       (equal (plist-get (plist-get action :command) :command) "fovea.comparePassages"))
     (fovea-request :textDocument/codeAction
                    (list :textDocument (list :uri (fovea-uri))
                          :range (list :start here :end here)
                          :context '(:diagnostics [] :only ["fovea"]))))))

(defun fovea--action-name (action)
  "The name of the item that ACTION compares with, or its title."
  (let ((title (plist-get action :title)))
    (if (string-match "`\\([^`]+\\)`" title)
        (let ((place (aref (plist-get (plist-get action :command) :arguments) 1)))
          (format "%s · %s:%d" (match-string 1 title)
                  (fovea-readable (plist-get place :uri))
                  (1+ (plist-get (plist-get (plist-get place :range) :start) :line))))
      title)))

(defun fovea-compare (&optional start end)
  "Show why two passages are similar, side by side.
With an active region from START to END the first call remembers it and the
second compares; without one the item at point is compared with its like."
  (interactive (and (use-region-p) (list (region-beginning) (region-end))))
  (cond
   ((not start)
    (let* ((actions (append (fovea--actions) nil))
           (action (if (cdr actions)
                       (fovea--choose "Compare with" actions #'fovea--action-name)
                     (car actions)))
           (passages (plist-get (plist-get action :command) :arguments)))
      (if (not passages)
          (message "Fovea: nothing resembles this; to compare any two passages, mark each in turn and call this twice")
        (fovea-compare-passages
         (fovea-passage (plist-get (aref passages 0) :uri) (plist-get (aref passages 0) :range))
         (fovea-passage (plist-get (aref passages 1) :uri) (plist-get (aref passages 1) :range))))))
   ((not fovea--remembered)
    (setq fovea--remembered (fovea-passage (fovea-uri) (fovea-range start end)))
    (deactivate-mark)
    (message "Fovea: passage remembered; call fovea-compare on another region"))
   (t
    (let ((first fovea--remembered))
      (setq fovea--remembered nil)
      (deactivate-mark)
      (fovea-compare-passages first (fovea-passage (fovea-uri) (fovea-range start end)))))))

(defun fovea-explain-region (start end)
  "Show which words carry the text from START to END, as one unit.
Without an active region it is the function or paragraph at point."
  (interactive
   (if (use-region-p)
       (list (region-beginning) (region-end))
     (let ((bounds (or (bounds-of-thing-at-point 'defun) (bounds-of-thing-at-point 'paragraph))))
       (unless bounds (user-error "Fovea: nothing to explain here"))
       (list (car bounds) (cdr bounds)))))
  (fovea-show-explanation
   (fovea-execute "fovea.explainSelection"
                  (list :uri (fovea-uri) :range (fovea-range start end)))))

(provide 'fovea-places)
;;; fovea-places.el ends here
