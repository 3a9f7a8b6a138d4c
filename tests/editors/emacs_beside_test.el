;;; emacs_beside_test.el --- Fovea in Emacs beside other servers, and when servers end  -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -l emacs_beside_test.el FOVEA

;;; Code:

(load (expand-file-name "emacs_harness.el" (file-name-directory load-file-name)) nil t)

(begin)

;;; Beside Eglot

(test "beside Eglot with the language's server both work, and Eglot's edits and hovers are untouched"
  (require 'eglot)
  (define-derived-mode second-mode prog-mode "Second")
  (add-to-list 'eglot-server-programs
               `(,(if (< emacs-major-version 29) '(second-mode) 'second-mode)
                 . ("python3" ,(expand-file-name "second_server.py" the-here))))
  (let ((eglot-sync-connect 10) (eglot-autoshutdown nil))
    (second-mode)
    (fovea-mode 1)
    (wait "heat" (lambda () (and (heat) (heat-is-current))))
    (let ((default-directory the-workspace))
      (cl-letf (((symbol-function 'yes-or-no-p) (lambda (&rest _) t)))
        (call-interactively #'eglot)))
    (wait "Eglot" (lambda () (eglot-managed-p)))
    (check (and (heat) fovea-mode) "Eglot turned Fovea off")
    (check (memq #'fovea-eldoc-function eldoc-documentation-functions) "eldoc")
    (go "load_config")
    (let (told)
      (run-hook-wrapped 'eldoc-documentation-functions
                        (lambda (function)
                          (ignore-errors (funcall function (lambda (text &rest _) (when text (push (format "%s" text) told)))))
                          nil))
      (wait "both hovers" (lambda ()
                            (and (seq-some (lambda (text) (string-search "second server" text)) told)
                                 (seq-some (lambda (text) (string-search "telling word" text)) told)))))
    (insert "// both servers hear of this\n")
    (wait "heat" #'heat-is-current)
    (check-drawn)
    (eglot-shutdown (eglot-current-server))
    (check (heat) "the heat disappeared with Eglot")
    (set-buffer-modified-p nil)))

;;; As a server of lsp-mode

(defvar lsp-auto-guess-root)
(defvar lsp-client-packages)
(defvar lsp-enable-file-watchers)
(defvar lsp-enable-snippet)
(defvar lsp-restart)
(defvar lsp-session-file)
(defvar lsp-warn-no-matched-clients)

(declare-function lsp "lsp-mode")
(declare-function lsp--client-add-on? "lsp-mode")
(declare-function lsp--client-server-id "lsp-mode")
(declare-function lsp--workspace-client "lsp-mode")
(declare-function lsp--workspace-status "lsp-mode")
(declare-function lsp-register-client "lsp-mode")
(declare-function lsp-stdio-connection "lsp-mode")
(declare-function lsp-workspace-shutdown "lsp-mode")
(declare-function lsp-workspaces "lsp-mode")
(declare-function make-lsp-client "lsp-mode")

(defun lsp-ready ()
  "The servers of the buffer that lsp-mode has started, by name."
  (sort (cl-loop for one in (lsp-workspaces)
                 when (eq (lsp--workspace-status one) 'initialized)
                 collect (symbol-name (lsp--client-server-id (lsp--workspace-client one))))
        #'string<))

(defun lsp-help (text)
  "The help of lsp-mode about the word at TEXT."
  (go text)
  (when (get-buffer "*lsp-help*") (kill-buffer "*lsp-help*"))
  (save-window-excursion (call-interactively 'lsp-describe-thing-at-point))
  (if (get-buffer "*lsp-help*") (with-current-buffer "*lsp-help*" (buffer-string)) ""))

(let ((packages (file-expand-wildcards
                 (expand-file-name "../../site-lisp/elpa-src/*" (file-name-directory (locate-library "simple"))))))
  (if (not (seq-some (lambda (folder) (string-search "lsp-mode" folder)) packages))
      (report "skipped: lsp-mode is not installed")
    (test "lsp-mode starts Fovea alone and beside the language's server, and its hover arrives"
      (dolist (folder packages) (add-to-list 'load-path folder))
      (setq lsp-client-packages nil lsp-auto-guess-root t lsp-enable-file-watchers nil lsp-restart 'ignore
            lsp-warn-no-matched-clients nil lsp-enable-snippet nil lsp-session-file (file ".lsp-session"))
      (fovea-register-lsp-mode)
      ;; An installed package loads these automatically.
      (mapc #'require '(lsp-diagnostics lsp-headerline lsp-icons lsp-lens lsp-modeline))
      (check (lsp--client-add-on? (gethash 'fovea (symbol-value 'lsp-clients))) "Fovea would replace the language's server")
      (global-fovea-mode -1)
      (switch-to-buffer (find-file-noselect (file "tools/preferences.py")))
      (prog-mode)
      (lsp)
      (wait "Fovea by lsp-mode" (lambda () (equal (lsp-ready) '("fovea"))))
      (wait "a hover" (lambda () (string-match-p "telling word" (lsp-help "median"))))
      (lsp-register-client
       (make-lsp-client :new-connection
                        (lsp-stdio-connection (list "python3" (expand-file-name "second_server.py" the-here)))
                        :major-modes '(second-mode) :server-id 'second))
      (switch-to-buffer (find-file-noselect (file "src/settings.rs")))
      (second-mode)
      (lsp)
      (wait "both servers" (lambda () (equal (lsp-ready) '("fovea" "second"))))
      (wait "both hovers" (lambda ()
                            (let ((told (lsp-help "read_settings")))
                              (and (string-search "second server" told) (string-search "telling word" told)))))
      (mapc #'lsp-workspace-shutdown (lsp-workspaces))
      (global-fovea-mode 1))))

;;; The end

(test "without the mode nothing is left, and when the server dies its heat disappears and it can be started again"
  (switch-to-buffer the-config)
  (fovea-mode -1)
  (check (null (heat)) "heat remains")
  (check (not (memq #'fovea-eldoc-function eldoc-documentation-functions)) "eldoc still asks Fovea")
  (fovea-mode 1)
  (wait "heat" (lambda () (and (heat) (heat-is-current))))
  (kill-process (jsonrpc--process fovea--connection))
  (wait "the end" (lambda () (not (fovea-running-p))))
  (wait "no heat" (lambda () (null (heat))))
  (check (string-search "off" (fovea-lighter)) "the lighter" (fovea-lighter))
  (fovea-restart)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

;;; Missing or incompatible programs

(defun reported () "The text of the warnings." (if (get-buffer "*Warnings*") (with-current-buffer "*Warnings*" (buffer-string)) ""))

(defun script (text)
  "A program that runs TEXT in a shell."
  (let ((name (make-temp-file "fovea-script-" nil ".sh" (concat "#!/bin/sh\n" text "\n"))))
    (set-file-modes name #o755)
    name))

(defun try-program (program)
  "Start Fovea again with PROGRAM; return the warnings."
  (fovea-stop)
  (when (get-buffer "*Warnings*") (kill-buffer "*Warnings*"))
  (setq fovea--reported nil fovea-command (list program "serve"))
  (fovea-restart))

(test "a missing program is reported once with advice, and works without a restart once it is installed"
  (try-program "/no/such/fovea")
  (check (string-search "cannot find the program `/no/such/fovea'" (reported)) "there is no report" (reported))
  (check (string-search "cargo install" (reported)) "the report has no advice" (reported))
  (let ((before (reported)))
    (switch-to-buffer (find-file-noselect (file "tools/preferences.py")))
    (prog-mode)
    (check (equal before (reported)) "reported again" (reported)))
  (check (string-search "cannot find" (condition-case err (fovea-search "anything") (user-error (error-message-string err)))) "a command")
  (setq fovea-command (list the-program "serve"))
  (fovea-restart)
  (wait "heat" (lambda () (and (heat) (heat-is-current))))
  (switch-to-buffer the-config)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "a program that ends at once, or is not Fovea, or too old, is reported with advice"
  (try-program (script "echo 'unknown command serve' >&2; exit 2"))
  (wait "the report" (lambda () (string-search "ended before it was ready: unknown command serve" (reported))))
  (check (string-search "set `fovea-command'" (reported)) "the report has no advice" (reported))
  (try-program (script (format "exec python3 %s" (expand-file-name "second_server.py" the-here))))
  (wait "the report" (lambda () (string-search "is no Fovea, or one too old" (reported))))
  (check (not fovea--ready) "the program is used anyway")
  (check (string-search "too old: it speaks protocol 0" (fovea--unfit '(:capabilities (:experimental (:fovea (:protocol 0)))))) "an old one")
  (check (string-search "newer than this package" (fovea--unfit '(:capabilities (:experimental (:fovea (:protocol 2)))))) "a new one")
  (try-program the-program)
  (wait "heat" (lambda () (and (heat) (heat-is-current)))))

(test "an error of the server is one sentence"
  (let ((told (condition-case err (fovea-execute "fovea.setMethod" "guessing") (user-error (error-message-string err)))))
    (check (string-match-p "\\`Fovea: .*should be one of decomposition" told) "the message" told)
    (check (not (string-match-p "jsonrpc\\|-326" told)) "machinery" told)))

(finish)

;;; emacs_beside_test.el ends here
