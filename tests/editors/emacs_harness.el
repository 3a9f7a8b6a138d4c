;;; emacs_harness.el --- Helpers for the tests in Emacs  -*- lexical-binding: t; -*-

;;; Commentary:

;; A copy of the workspace, functions that wait for a condition, and
;; functions that read what is drawn.  Global names begin with "the-" where
;; packages have local ones of that name.  Each file of tests is one session
;; of one user: the tests run in order and share the server.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)

(defconst the-here (file-name-directory load-file-name))
(defconst the-root (expand-file-name "../../" the-here))
(defconst the-program (expand-file-name (pop command-line-args-left)))
(defconst patience (string-to-number (or (getenv "FOVEA_TEST_PATIENCE") "60")))
(defconst the-workspace (file-truename (make-temp-file "fovea-emacs-" t)))

(copy-directory (expand-file-name "workspace" the-here) the-workspace nil t t)
(call-process "git" nil nil nil "init" "-q" the-workspace)

(setq make-backup-files nil create-lockfiles nil auto-save-default nil vc-handled-backends '(Git))
(defvar inhibit-automatic-native-compilation)
(setq inhibit-automatic-native-compilation t)
;; Otherwise replacing a primitive in a test would need a compiler.
(defvar native-comp-enable-subr-trampolines)
(setq native-comp-enable-subr-trampolines nil)
(add-to-list 'load-path (expand-file-name "editors/emacs" the-root))

(defvar passed 0)
(defvar failed 0)

(defun report (text &rest arguments)
  "Print TEXT with ARGUMENTS at once: what waits to be printed is lost if Emacs dies."
  (princ (concat (apply #'format text arguments) "\n") #'external-debugging-output))

(defmacro test (name &rest body)
  "Run BODY as the test NAME."
  (declare (indent 1))
  `(let ((problem (condition-case err (progn ,@body nil) (error err) (quit '(quit)))))
     (if problem (cl-incf failed) (cl-incf passed))
     (report "%s  %s" (if problem "FAILED" "ok    ") ,name)
     (when problem (report "        %S" problem))))

(defun wait (what condition &optional again)
  "Wait until CONDITION answers something, and return that; WHAT names it.
AGAIN is called every second meanwhile."
  (let ((end (+ (float-time) patience)) (next (+ (float-time) 1)) value)
    (while (not (or (setq value (funcall condition)) (> (float-time) end)))
      (accept-process-output nil 0.02)
      (when (and again (> (float-time) next))
        (funcall again)
        (setq next (+ (float-time) 1))))
    (or value (error "Timed out waiting for %s" what))))

(defun check (value what &rest details)
  "Fail with WHAT and DETAILS unless VALUE is true."
  (unless value (error "%s: %S" what details)))

(defun overlays (property)
  "The overlays of the buffer with PROPERTY, in order."
  (sort (seq-filter (lambda (overlay) (overlay-get overlay property))
                    (overlays-in (point-min) (point-max)))
        (lambda (a b) (< (overlay-start a) (overlay-start b)))))

(defun text-of (overlay)
  "The text that OVERLAY covers."
  (buffer-substring-no-properties (overlay-start overlay) (overlay-end overlay)))

(defun heat ()
  "The marked words of the buffer as (TEXT . FACE), in order."
  (mapcar (lambda (overlay) (cons (text-of overlay) (overlay-get overlay 'face))) (overlays 'fovea-heat)))

(defun go (text)
  "Put point on the first place of TEXT."
  (goto-char (point-min))
  (let ((case-fold-search nil)) (search-forward text))
  (goto-char (match-beginning 0)))

(defun heat-is-current ()
  "Whether the heat is complete and of the buffer's current text."
  (and fovea-heat-last
       (eq (plist-get fovea-heat-last :complete) t)
       (fovea-current-p (plist-get fovea-heat-last :version))
       (not fovea--undrawn)))

(defun check-drawn ()
  "Fail unless the marks are exactly those that the server sent."
  (let ((lines (split-string (buffer-substring-no-properties (point-min) (point-max)) "\n")))
    (check (equal (heat)
                  (mapcar (lambda (word)
                            (cons (substring (nth (aref word 0) lines) (aref word 1) (aref word 2))
                                  (fovea-heat-face (aref word 3))))
                          (nth 1 fovea--heat)))
           "the marks are not those that the server sent")))

(defvar chosen nil "A part of the next choice.")
(defvar offered nil "The last offered choices.")
(defvar collection-offered nil "The collection of the last choice.")
(defun choose (_prompt collection &rest _)
  "Choose the item of COLLECTION that contains `chosen'."
  (setq offered (all-completions "" collection) collection-offered collection)
  (or (seq-find (lambda (one) (string-search chosen one)) offered) (error "The offered choices were %S" offered)))

(defvar said nil "What `message' said, last first.")
(advice-add 'message :before (lambda (text &rest arguments)
                               (when text (push (apply #'format text arguments) said))))
(defun said-p (text) "Whether a message contained TEXT." (seq-some (lambda (line) (string-search text line)) said))

(defun file (name) "The file NAME of the workspace." (expand-file-name name the-workspace))

(defvar the-config nil "The buffer of the first file.")

(defun begin ()
  "Turn the mode on in a file of code, and wait until the server is ready."
  (require 'fovea)
  ;; The full preset draws more marks to test.
  (unless (plist-get fovea-settings :heat) (setq fovea-settings '(:heat (:preset "full"))))
  (setq fovea-command (list the-program "serve"))
  (global-fovea-mode 1)
  (setq the-config (find-file-noselect (file "src/config.rs")))
  (switch-to-buffer the-config)
  (unless (derived-mode-p 'prog-mode) (prog-mode))
  (wait "the state ready" (lambda () (equal (plist-get fovea--status :state) "ready"))))

(defun finish ()
  "End the server and Emacs, with the sum of the tests."
  (fovea-stop)
  (delete-directory the-workspace t)
  (report "%d passed, %d failed" passed failed)
  (kill-emacs (if (= failed 0) 0 1)))

;;; emacs_harness.el ends here
