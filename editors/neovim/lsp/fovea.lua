-- For Neovim 0.11 and later: `vim.lsp.enable('fovea')` is enough. `require('fovea').setup()` does the same with options.
return require('fovea.client').config()
