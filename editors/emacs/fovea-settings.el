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
     "Whether Fovea analyzes documents at all.")
    ("languages" [] (repeat string)
     "LSP language identifiers to analyze, such as `\"rust\"'. An empty list means all languages.")
    ("excludePatterns" [] (repeat string)
     "Globs of absolute paths. Fovea never analyzes files that match one, for example `\"**/vendor/**\"'.")
    ("maxFileBytes" 1000000 integer
     "Maximum size of a document in bytes. Fovea does not analyze larger ones.")
    ("maxLineBytes" 20000 integer
     "Maximum length of a line in bytes. Fovea does not analyze documents with a longer line (minified files).")
    ("threads" 0 integer
     "Number of threads for the model. 0 uses half of the cores: at least two if the machine has two, at most four.")
    ("debounceMs" 250 integer
     "Milliseconds without an edit before Fovea analyzes the whole document again.")
    ("method" "decomposition" (choice (const "decomposition") (const "alti") (const "attention") (const "rollout") (const "norm") (const "surprisal"))
     "The method that scores words in heat and hover. `surprisal' says how unexpected a word is after those before it; it needs a model that predicts the next token (`model.dir').")
    ("identifierAware" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether the model reads identifiers as words: `parseHTTPConfig' as parse, HTTP and config.")
    ("hover.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether a hover over a word explains it.")
    ("hover.details" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Adds the numbers to a hover: the word's share, its rank, the method and what the word draws on.")
    ("hover.words" 3 integer
     "Maximum number of words that a hover lists among those that the word draws on.")
    ("hover.deadlineMs" 1500 integer
     "Milliseconds that a hover or highlight may wait for text that is not analyzed yet. For analyzed text, Fovea answers within 150 ms.")
    ("codeLens.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether lenses show the most similar item in the open documents and the workspace.")
    ("codeLens.minSimilarity" 0.6 number
     "Minimum similarity (language-centered cosine) for items of the same file. Items in another file of the same language need 0.15 more. Items in another language need 0.05 more, or 0.2 less if both have the same name of several words.")
    ("lens.detail" "useful" (choice (const "useful") (const "all"))
     "Which items lenses, actions and the peek show. `useful' shows items that tell the reader something new: copies, variants, parallel implementations, the same task elsewhere. `all' shows every item that reaches `codeLens.minSimilarity'.")
    ("index.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea indexes the open folders in the background, so that search and similar items cover all their files. The index is in `fovea/index.sqlite' of your cache folder, or in memory if `cache.disk' is off. It contains names, vectors and hashes of words, but no text.")
    ("index.onBattery" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether indexing continues on battery power. Fovea can detect battery power on some systems only, such as Linux.")
    ("inlayHint.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether an inlay hint at the end of an item's line names the most similar item, for editors that show no lenses. The change takes effect at once if the editor supports dynamic registration, otherwise when the server starts.")
    ("documentColor.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea sends words with nearly three times the average score or more as document colors, for editors that draw no heat. The change takes effect at once if the editor supports dynamic registration, otherwise when the server starts.")
    ("diagnostics.enable" :json-false (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea reports a diagnostic (severity: hint) for an item that is nearly identical to another.")
    ("diagnostics.minSimilarity" 0.9 number
     "Minimum similarity (language-centered cosine) for a diagnostic of `diagnostics.enable'. Only items that count as similar are considered, so a value below `codeLens.minSimilarity' has no effect.")
    ("highlight.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea highlights the other occurrences of the word under the cursor and the words that it draws on.")
    ("highlight.attention" "auto" (choice (const "auto") (const "always") (const "never"))
     "Whether document highlights contain the words that the word under the cursor draws on. `auto' leaves them out where the editor draws them separately (VS Code, Neovim, Emacs) and where highlights become a selection (Helix).")
    ("heat.preset" "quiet" (choice (const "quiet") (const "full") (const "off"))
     "How many words get heat: `quiet' marks the few most telling words of each function or paragraph, `full' colors every word by its score, `off' shows none. Data files get heat in `full' only.")
    ("heat.enable" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "`false' is the same as `heat.preset' set to `off'.")
    ("model.dir" "" string
     "A Hugging Face model folder or a GGUF file to load instead of the built-in model.")
    ("model.generator" "" string
     "A Hugging Face model folder or a GGUF file of a model that writes text. It writes answers to questions and predicts what comes next, and the built-in model does the rest. Fovea loads it when you first ask, and unloads it after ten minutes without a question.")
    ("classify.probe" "" string
     "A probe that `fovea probe train' made, by its name or its file (`….json'): a lens names the class of each function or section, such as `security-relevant .91', if its probability is at least 0.8. Labels called `other' or `none' have no lens. Fovea reads the file again when it changes.")
    ("cache.disk" t (choice (const :tag "on" t) (const :tag "off" :json-false))
     "Whether Fovea keeps results for the next start, in `fovea/results.sqlite' of your cache folder (or in `FOVEA_CACHE_DIR'). The file contains scores and embeddings under a hash of the text, never the text.")
    ("cache.diskMegabytes" 256 integer
     "Maximum size of `fovea/results.sqlite' in megabytes. Fovea removes the least recently used results first.")
    ("positionEncoding" "auto" (choice (const "auto") (const "utf-8") (const "utf-16") (const "utf-32"))
     "Position encoding to use. `auto' uses the first one that the client offers. Fovea reads this setting only when it starts.")
    ("log.level" "warn" (choice (const "off") (const "error") (const "warn") (const "info") (const "debug") (const "trace"))
     "Amount of log output on stderr. The log never contains document text.")
    ("log.slowMs" 1000 integer
     "Fovea logs requests that take longer than this many milliseconds, at level `info'. 0 logs none.")
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
