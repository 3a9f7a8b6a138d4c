--- Fovea in Neovim: what a transformer attends to in the open document.
---
--- Neovim's LSP client shows hover, code lenses and code actions. This plugin draws the heat, for which LSP has no message, and sets up
--- features that Neovim does not turn on itself.
local M = {}

--- Starts Fovea. Another call changes the options of the session: the server's settings and the colors take effect at once.
---@param opts? fovea.Options
function M.setup(opts)
  local client = require('fovea.client')
  client.set_again = M.started
  M.started = true
  require('fovea.config').set(opts)
  require('fovea.colors').define()
  require('fovea.commands').create()

  client.apply_settings()
  if not require('fovea.trouble').can_run(require('fovea.config').options.cmd) then
    return
  end
  -- Before Neovim's own autocommand, so that a buffer without a name has a URI when a server is attached.
  require('fovea.untitled').setup()
  if vim.fn.has('nvim-0.11') == 1 then
    vim.lsp.config('fovea', client.config())
    vim.lsp.enable('fovea')
    return
  end

  -- 0.10 has no vim.lsp.enable: start the server for each buffer as its filetype becomes known.
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('fovea_start', {}),
    callback = function(event)
      client.start(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' then
      client.start(bufnr)
    end
  end
end

--- Starts with `vim.g.fovea` as the options, unless setup() was called. Shows advice if the program is missing.
function M.start()
  local options = vim.g.fovea
  if M.started or options == false or options == 0 then
    return
  end
  options = type(options) == 'table' and options or {}
  local cmd = type(options.cmd) == 'table' and type(options.cmd[1]) == 'string' and options.cmd or { 'fovea' }
  if vim.fn.executable(cmd[1]) == 1 then
    M.setup(options)
  else
    require('fovea.trouble').say_at_first_file(cmd)
  end
end

--- A short text for a statusline, '' if Fovea is not attached.
---@param bufnr? integer
---@return string
function M.status(bufnr)
  return require('fovea.status').line(bufnr)
end

--- Hover with the answers of all servers, also in Neovim 0.10, where vim.lsp.buf.hover() shows only one.
function M.hover()
  require('fovea.hover').hover()
end

return M
