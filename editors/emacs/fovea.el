;;; fovea.el --- What a transformer attends to in the open document  -*- lexical-binding: t; -*-

;; Author: The Fovea authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: convenience, tools, languages
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Fovea is a language server that runs a transformer on the document you edit
;; and shows what that model attends to: calm marks on the few most telling
;; words of a function or a paragraph, the words that the model reads a word
;; with, similar functions, search by meaning, and why two passages are
;; similar.  It is local: no network, no telemetry.
;;
;; Eglot has only one server for each buffer: the server of your language.  So
;; `fovea-mode' has a separate connection, and works with or without Eglot and
;; lsp-mode:
;;
;;     (add-to-list 'load-path "/path/to/fovea/editors/emacs")
;;     (require 'fovea)
;;     (global-fovea-mode 1)
;;
;; The program `fovea' must be in `exec-path', or named by `fovea-command'.
;; The commands have the prefix C-c _ (see `fovea-mode-map'); M-x fovea-legend
;; explains the colors, and M-x fovea-customize lists every setting.

;;; Code:

(require 'cl-lib)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'fovea-connection)
(require 'fovea-heat)
(require 'fovea-compare)
(require 'fovea-places)
(require 'fovea-ask)
(require 'fovea-answer)
(require 'fovea-classify)
(require 'fovea-predict)
(require 'fovea-words)
(require 'fovea-lens)
(require 'fovea-settings)

;;; Status

(defvar fovea--status nil
  "The last fovea/status, a property list; nil before the first.")

(defun fovea--told (list)
  "The reason for this buffer in LIST, a keyword of the status, or nil."
  (let ((uri (fovea-uri)))
    (seq-some (lambda (document)
                (and (equal (plist-get document :uri) uri)
                     (plist-get document :reason)))
              (plist-get fovea--status list))))

(defun fovea--inactive-reason ()
  "Why the current buffer is not analyzed; nil if it is."
  (fovea--told :inactive))

(defun fovea--method ()
  "The method in use, with layer and head if they were chosen."
  (let* ((maps (plist-get fovea--status :maps))
         (layer (plist-get maps :layer))
         (head (plist-get maps :head)))
    (concat (plist-get fovea--status :method)
            (and layer (format " L%d" layer))
            (and head (format " H%d" head)))))

(defun fovea-lighter ()
  "A short text for the mode line."
  (let* ((state (plist-get fovea--status :state))
         (index (plist-get fovea--status :index))
         (total (plist-get index :total)))
    (concat
     " Fovea"
     (cond ((not (fovea-running-p)) ":off")
           ((not state) ":starting")
           ((fovea--inactive-reason) ":inactive")
           ((member state '("ready" "busy"))
            ;; The default method is not shown.
            (concat (unless (equal (fovea--method) "decomposition") (concat ":" (fovea--method)))
                    (and (equal state "busy") "…")))
           (t (concat ":" state)))
     (and (equal (plist-get index :state) "indexing") total (> total 0)
          (format " indexing %d/%d" (or (plist-get index :done) 0) total)))))

(defun fovea--take-status (params)
  "Store PARAMS, the status of the server."
  (setq fovea--status params)
  (force-mode-line-update t))

(defun fovea-status ()
  "Show the status of the server and its index."
  (interactive)
  (let ((index (plist-get fovea--status :index))
        (reason (fovea--inactive-reason)))
    (message
     "%s"
     (if (not fovea--status)
         (or (fovea-missing) "Fovea is not running; call M-x fovea-restart")
       (string-join
        (delq nil
              (list (format "Fovea: %s, %s" (plist-get fovea--status :state)
                            (plist-get fovea--status :health))
                            (format "model %s, method %s, heat %s"
                            (or (plist-get fovea--status :model) "none yet")
                            (plist-get fovea--status :method)
                            (or (plist-get fovea--status :preset)
                                (if (eq (plist-get fovea--status :heat) t) "on" "off")))
                    (plist-get fovea--status :message)
                    (and index (format "index: %s, %d items" (plist-get index :state)
                                       (plist-get index :items)))
                    (and reason (concat "this document is not analyzed: " reason))
                    (and (fovea--told :unparsed)
                         (concat "no functions and types here: " (fovea--told :unparsed)))))
        "\n")))))

;;; Notifications and requests of the server

(defun fovea--notified (method params)
  "Handle the notification METHOD with PARAMS."
  (pcase method
    ('fovea/heat
     (when-let ((buffer (fovea-buffer (plist-get params :uri))))
       (with-current-buffer buffer (fovea-heat-take params))))
    ('fovea/status (fovea--take-status params))
    ('$/progress (fovea-take-progress params))
    ('window/showMessage (message "%s" (plist-get params :message)))))

(defun fovea--asked (method params)
  "Answer the request METHOD with PARAMS."
  (pcase method
    ('window/showDocument
     (fovea--visit (plist-get params :uri) (plist-get params :selection))
     '(:success t))
    ('workspace/codeLens/refresh (fovea-lenses-refresh-all) nil)
    ('workspace/configuration
     (vconcat (mapcar (lambda (_) (fovea-settings)) (plist-get params :items))))))

(setq fovea-notified #'fovea--notified
      fovea-asked #'fovea--asked)

;;; Switches

(defconst fovea-presets '("quiet" "full" "off")
  "The presets: the few most telling words, every word by its score, or none.")

(defun fovea-set-heat (preset)
  "Mark words by PRESET for this session: quiet, full or off.
`fovea-server-heat-preset' sets it for good."
  (interactive (list (completing-read "Marks (quiet, full or off): " fovea-presets nil t nil nil "quiet")))
  (unless (member preset fovea-presets) (user-error "Fovea: %s is not one of quiet, full and off" preset))
  (condition-case nil
      (fovea-execute "fovea.setHeat" preset)
    ;; An older server knows only on and off.
    (user-error (fovea-execute "fovea.toggleHeat" (if (equal preset "off") :json-false t))))
  (message "Fovea: marks are %s" (pcase preset
                                   ("quiet" "quiet: the few telling words")
                                   ("full" "full: every word by its weight")
                                   (_ "off"))))

(defun fovea-toggle-heat ()
  "Turn heat on or off for this session."
  (interactive)
  (let ((answer (fovea-execute "fovea.toggleHeat")))
    (message "Fovea: heat %s" (if (eq (plist-get answer :enabled) t) "on" "off"))))

(defconst fovea-methods '("decomposition" "alti" "attention" "rollout" "norm" "surprisal")
  "The methods that score words.")

(defun fovea-set-method (method)
  "Score words by METHOD in this session."
  (interactive (list (completing-read "Method: " fovea-methods nil t)))
  (fovea-execute "fovea.setMethod" method)
  (message "Fovea: method %s" method))

(defun fovea--read-map (what count)
  "Read the number of a WHAT below COUNT; nil for all of them."
  (let ((answer (completing-read (format "%s (empty for all): " what)
                                 (mapcar #'number-to-string (number-sequence 0 (1- count)))
                                 nil t)))
    (unless (string-empty-p answer)
      (string-to-number answer))))

(defun fovea-set-attention (layer head)
  "Use the attention of LAYER and HEAD in this session; nil is all."
  (interactive
   (let ((shape (plist-get fovea--status :attention)))
     (unless shape
       (user-error "The model is not loaded yet, so its layers are not known"))
     (list (fovea--read-map "Layer" (plist-get shape :layers))
           (fovea--read-map "Head" (plist-get shape :heads)))))
  (fovea-execute "fovea.setMethod" "attention"
                 (append (and layer (list :layer layer)) (and head (list :head head)))))

(defun fovea-pause ()
  "Stop all model work."
  (interactive)
  (fovea-execute "fovea.pause")
  (message "%s" (substitute-command-keys "Fovea: paused; \\[fovea-resume] continues")))

(defun fovea-resume ()
  "Continue after `fovea-pause'."
  (interactive)
  (fovea-execute "fovea.resume")
  (message "Fovea: continues"))

(defun fovea-update-index ()
  "Update the index of the open folders now."
  (interactive)
  (fovea-execute "fovea.updateIndex")
  (message "Fovea: the index of the folder is being updated"))

(defun fovea-restart ()
  "Start a new server on the same buffers."
  (interactive)
  (fovea-stop)
  (setq fovea--status nil fovea--reported nil)
  (dolist (buffer (fovea-buffers))
    (with-current-buffer buffer
      (fovea-heat-clear)
      (fovea-open)))
  ;; Turn the mode on in buffers that were opened while the program was missing.
  (when (and (bound-and-true-p global-fovea-mode) (not (fovea-missing)))
    (dolist (buffer (buffer-list))
      (with-current-buffer buffer
        (unless (bound-and-true-p fovea-mode) (fovea--turn-on))))))

;;; The modes

(defvar fovea-command-map
  (let ((map (make-sparse-keymap)))
    (define-key map "/" #'fovea-search)
    (define-key map "q" #'fovea-ask)
    (define-key map "Q" #'fovea-answer)
    (define-key map "v" #'fovea-view)
    (define-key map "n" #'fovea-predict)
    (define-key map "k" #'fovea-classify)
    (define-key map "K" #'fovea-relabel)
    (define-key map "s" #'fovea-similar)
    (define-key map "c" #'fovea-compare)
    (define-key map "w" #'fovea-why)
    (define-key map "y" #'fovea-trust)
    (define-key map "l" #'fovea-lens-open)
    (define-key map "e" #'fovea-explain-region)
    (define-key map "h" #'fovea-hover)
    (define-key map "t" #'fovea-set-heat)
    (define-key map "m" #'fovea-set-method)
    (define-key map "a" #'fovea-set-attention)
    (define-key map "p" #'fovea-pause)
    (define-key map "r" #'fovea-resume)
    (define-key map "," #'fovea-customize)
    (define-key map "?" #'fovea-legend)
    (define-key map "i" #'fovea-status)
    map)
  "The commands of Fovea.")

(defvar fovea-mode-map
  (let ((map (make-sparse-keymap)))
    ;; Emacs reserves C-c with punctuation for minor modes, and letters for you.
    (define-key map (kbd "C-c _") fovea-command-map)
    map)
  "Keys where `fovea-mode' is on: `fovea-command-map' after \\`C-c _'.
To have the commands elsewhere, bind `fovea-command-map' to a prefix of yours.")

(defvar-local fovea--strategy nil
  "The strategy of ElDoc before Fovea's, if Fovea changed it.")

(defun fovea--join-eldoc ()
  "Let ElDoc ask Fovea, too."
  (add-hook 'eldoc-documentation-functions #'fovea-eldoc-function 90 t))

;;;###autoload
(define-minor-mode fovea-mode
  "Show what a transformer attends to in this buffer.
It has a connection of its own, so it works beside Eglot and lsp-mode."
  :lighter (:eval (fovea-lighter))
  :keymap fovea-mode-map
  :group 'fovea
  (if fovea-mode
      (progn
        (fovea--join-eldoc)
        ;; Eglot before 1.10 replaces the list when it starts in a buffer.
        (add-hook 'eglot-managed-mode-hook #'fovea--join-eldoc nil t)
        ;; The default shows only the first answer, so Fovea's or the server's would be hidden.
        (when (eq eldoc-documentation-strategy 'eldoc-documentation-default)
          (setq fovea--strategy eldoc-documentation-strategy)
          (setq-local eldoc-documentation-strategy 'eldoc-documentation-compose))
        (add-hook 'post-command-hook #'fovea--moved nil t)
        (unless fovea--highlight-timer
          (setq fovea--highlight-timer (run-with-idle-timer 0.15 t #'fovea--rested)))
        (add-hook 'fovea-heat-hook #'fovea-lenses-refresh nil t)
        (fovea-open))
    (remove-hook 'eglot-managed-mode-hook #'fovea--join-eldoc t)
    (remove-hook 'eldoc-documentation-functions #'fovea-eldoc-function t)
    (remove-hook 'post-command-hook #'fovea--moved t)
    (remove-hook 'fovea-heat-hook #'fovea-lenses-refresh t)
    (fovea-lenses-clear)
    (when fovea--strategy
      (setq-local eldoc-documentation-strategy fovea--strategy)
      (setq fovea--strategy nil))
    (fovea--unhighlight)
    (fovea-close)
    (fovea-heat-clear)))

(defun fovea--turn-on ()
  "Turn `fovea-mode' on in buffers of files with code or text."
  (when (and buffer-file-name
             (not (file-remote-p buffer-file-name))
             (derived-mode-p 'prog-mode 'text-mode 'conf-mode))
    (let ((missing (fovea-missing)))
      (if missing (fovea-report missing) (fovea-mode 1)))))

;;;###autoload
(define-globalized-minor-mode global-fovea-mode fovea-mode fovea--turn-on
  :group 'fovea)

;;; Fovea as a server of lsp-mode or Eglot

(declare-function lsp-register-client "lsp-mode")
(declare-function make-lsp-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")

;;;###autoload
(defun fovea-register-lsp-mode ()
  "Let lsp-mode start Fovea beside the server of the language.
It shows hovers, lenses and code actions; for heat use `fovea-mode'."
  (require 'lsp-mode)
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection (lambda () fovea-command))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :priority -2
                    :initialization-options #'fovea-settings
                    :server-id 'fovea)))

(provide 'fovea)
;;; fovea.el ends here
