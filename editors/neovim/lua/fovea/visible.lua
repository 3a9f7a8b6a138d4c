--- Tells the server which lines are visible, so that it reads those first.
local position = require('fovea.position')

local M = {}

local group = vim.api.nvim_create_augroup('fovea_visible', {})
---@type table<integer, boolean> buffers with a scheduled message
local pending = {}
---@type table<integer, string> the last message by buffer
local last = {}

---@param bufnr integer
local function send(bufnr)
  pending[bufnr] = nil
  local client = require('fovea.client').get(bufnr)
  local window = vim.fn.bufwinid(bufnr)
  if not client or not client.initialized or window == -1 then
    return
  end
  local first, final = vim.fn.line('w0', window) - 1, vim.fn.line('w$', window)
  local now = first .. ':' .. final
  if last[bufnr] == now then
    return
  end
  last[bufnr] = now
  require('fovea.client').notify(client, 'fovea/visible', {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    range = position.lines(first, final),
  })
end

---@param bufnr integer
local function soon(bufnr)
  if pending[bufnr] then
    return
  end
  pending[bufnr] = true
  vim.defer_fn(function()
    if vim.api.nvim_buf_is_loaded(bufnr) then
      send(bufnr)
    end
  end, 100)
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  -- WinScrolled's buffer is that of the window that scrolled first; its pattern is a window.
  vim.api.nvim_create_autocmd({ 'BufEnter', 'CursorHold' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      soon(bufnr)
    end,
  })
  last[bufnr] = nil
  soon(bufnr)
end

vim.api.nvim_create_autocmd('WinScrolled', {
  group = vim.api.nvim_create_augroup('fovea_visible_scroll', {}),
  callback = function()
    for window in pairs(vim.v.event) do
      local id = tonumber(window)
      if id and vim.api.nvim_win_is_valid(id) then
        soon(vim.api.nvim_win_get_buf(id))
      end
    end
  end,
})

return M
