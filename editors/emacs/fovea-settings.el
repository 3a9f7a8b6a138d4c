;;; fovea-settings.el --- The settings of the server as options  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Every setting of the server is an option of the group `fovea-server'; one
;; that you leave alone is not sent.  tests/editors/emacs_settings.py writes the
;; table from docs/settings.md.

;;; Code:

(require 'seq)
(require 'fovea-connection)

(defgroup fovea-server nil
  "The settings of the server; a change takes effect at once."
  :group 'fovea
  :prefix "fovea-server-")

(defconst fovea-server-table
  '(;; table
    ("enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether documents are analysed at all.")
    ("languages" [] (repeat string)
     "LSP language identifiers to analyse, such as `\"rust\"`; all of them when empty.")
    ("excludePatterns" [] (repeat string)
     "Globs over absolute paths of files that are never analysed, such as `\"**/vendor/**\"`.")
    ("maxFileBytes" 1000000 integer
     "Longer documents are not analysed.")
    ("maxLineBytes" 20000 integer
     "Documents with a longer line (minified files) are not analysed.")
    ("threads" 0 integer
     "Threads of the model; 0 chooses half of the cores, at least two where there are two, at most four.")
    ("debounceMs" 250 integer
     "Milliseconds without an edit before the whole document is analysed anew.")
    ("method" "decomposition" (choice (const "decomposition") (const "alti") (const "attention") (const "rollout") (const "norm"))
     "How words are scored in heat and hover.")
    ("identifierAware" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether `parseHTTPConfig` reaches the model as the words parse, HTTP and config.")
    ("hover.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether hovering a word explains it.")
    ("hover.details" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Adds the numbers to a hover: the word's share, its rank, the method and what the word draws on.")
    ("hover.words" 3 integer
     "How many of the words that a word draws on the hover names.")
    ("hover.deadlineMs" 1500 integer
     "How long a hover or highlight may wait for text that is not analysed yet; analysed text is answered within 150 ms.")
    ("codeLens.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether lenses name the most similar item of the open documents and of the workspace.")
    ("codeLens.minSimilarity" 0.6 number
     "The least language-centred cosine that counts as similar in the same file; in another file of the language 0.15 more, in another language 0.05 more, or 0.2 less where both have the same name of several words.")
    ("lens.detail" "useful" (choice (const "useful") (const "all"))
     "What lenses, actions and the peek show: `useful` is what the reader does not know (copies, variants, parallel implementations, the same task elsewhere), `all` is every item that reaches `codeLens.minSimilarity`.")
    ("index.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether the folders that are open are indexed in the background, so that similar items and search know all of their files: in `fovea/index.sqlite` of your cache folder, or in memory where `cache.disk` is off. The index has names, vectors and hashes of words, no text.")
    ("index.onBattery" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether indexing goes on while the machine runs on its battery, where that can be known, as on Linux.")
    ("inlayHint.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether the most similar item is named at the end of an item's line as well, for editors that show no lenses. Takes effect at once where the editor takes registrations, else when the server starts.")
    ("documentColor.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether the words that carry nearly three times the average or more are told as document colours, for editors that draw no heat. Takes effect at once where the editor takes registrations, else when the server starts.")
    ("diagnostics.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether an item that is nearly the same as another gets a diagnostic, of severity hint.")
    ("diagnostics.minSimilarity" 0.9 number
     "The least language-centred cosine of such items. Items that count as similar are compared, so less than `codeLens.minSimilarity` changes nothing.")
    ("highlight.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea highlights the other occurrences of the word under the cursor and the words that it draws on.")
    ("highlight.attention" "auto" (choice (const "auto") (const "always") (const "never"))
     "Whether document highlights contain the words that the word under the cursor draws on. `auto` leaves them out where the editor draws them separately (VS Code, Neovim, Emacs) and where highlights become a selection (Helix).")
    ("heat.preset" "quiet" (choice (const "quiet") (const "full") (const "off"))
     "How many words get heat: `quiet` marks the few most telling words of each function or paragraph, `full` colors every word by its score, `off` shows none. Data files get heat in `full` only.")
    ("heat.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "`false` is the same as `heat.preset` set to `off`.")
    ("model.dir" "" string
     "A Hugging Face folder to load instead of the built-in model.")
    ("cache.disk" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether results outlive the server, in `fovea/results.sqlite` of your cache folder (or in `FOVEA_CACHE_DIR`): scores and embeddings under a hash of the text, never the text.")
    ("cache.diskMegabytes" 256 integer
     "The most of them that is kept; what was longest of no use goes first.")
    ("positionEncoding" "auto" (choice (const "auto") (const "utf-8") (const "utf-16") (const "utf-32"))
     "Holds the client to one position encoding; read at start only. `auto` takes the first one that the client offers.")
    ("log.level" "warn" (choice (const "off") (const "error") (const "warn") (const "info") (const "debug") (const "trace"))
     "How much is written to stderr; never any document text.")
    ("log.slowMs" 1000 integer
     "Requests that took longer are logged at `info`; 0 logs none.")
    ;; end of the table
    )
  "Name, default, type and meaning of each setting of the server.")

(defun fovea-server-option (key)
  "The option for the setting KEY: `fovea-server-hover-words' for hover.words."
  (intern (concat "fovea-server-"
                  (let ((case-fold-search nil))
                    (downcase (replace-regexp-in-string
                               "\\." "-" (replace-regexp-in-string "\\([a-z]\\)\\([A-Z]\\)" "\\1-\\2" key)))))))

(defun fovea--set-option (symbol value)
  "Set the option SYMBOL to VALUE, and tell a running server."
  (set-default symbol value)
  (fovea-send-settings))

(dolist (row fovea-server-table)
  (let ((symbol (fovea-server-option (nth 0 row))))
    (custom-declare-variable
     symbol ''default
     (format "%s\nThe default is %s.  The server calls this setting `%s'."
             (nth 3 row) (json-serialize (nth 1 row) :false-object :json-false) (nth 0 row))
     :type `(choice (const :tag "default" default) ,(nth 2 row))
     :set #'fovea--set-option
     :initialize #'custom-initialize-default
     :group 'fovea-server)))

(defun fovea--chosen-settings ()
  "The settings that are not left at their default, as an alist."
  (delq nil
        (mapcar (lambda (row)
                  (let ((value (default-value (fovea-server-option (nth 0 row)))))
                    (unless (eq value 'default)
                      (cons (nth 0 row) (if (listp value) (vconcat value) value)))))
                fovea-server-table)))

(setq fovea-chosen-settings #'fovea--chosen-settings)

(defun fovea-customize ()
  "Show every setting of the server, with what it means, to be changed."
  (interactive)
  (customize-group 'fovea-server))

(provide 'fovea-settings)
;;; fovea-settings.el ends here
