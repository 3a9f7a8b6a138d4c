--- The version of a buffer that the server knows, and whether the buffer still has that text.
---
--- Neovim has one version per buffer for all clients (`vim.lsp.util.buf_versions`), which returns to 0 when a second server attaches, and
--- sends changes after a pause. So this module records each message when it is sent.
local M = {}

---@class fovea.Sent
---@field version integer of the last didOpen or didChange
---@field tick integer changedtick when it was sent

---@type table<integer, fovea.Sent>
local sent = {}
---@type table<integer, integer> changedtick of the last change of the text; writing a file raises changedtick without one
local changed = {}

--- Records the messages of a client. Called once for each client, before it opens a document.
---@param client vim.lsp.Client
function M.observe(client)
  local notify = client.rpc.notify
  client.rpc.notify = function(method, params)
    if method == 'textDocument/didOpen' or method == 'textDocument/didChange' then
      local document = params.textDocument
      local bufnr = vim.uri_to_bufnr(document.uri)
      sent[bufnr] = { version = document.version, tick = vim.api.nvim_buf_get_changedtick(bufnr) }
    end
    return notify(method, params)
  end
end

---@type table<integer, true>
local watched = {}
---@type fun(bufnr: integer, first: integer, rest: integer)[]
local listeners = {}

--- Calls `listener` at each change of a watched buffer, with the numbers of unchanged lines before and after it.
---@param listener fun(bufnr: integer, first: integer, rest: integer)
function M.on_lines(listener)
  table.insert(listeners, listener)
end

---@param bufnr integer
function M.attach(bufnr)
  if watched[bufnr] then
    return
  end
  watched[bufnr] = vim.api.nvim_buf_attach(bufnr, false, {
    on_lines = function(_, buf, tick, first, _, last_new)
      changed[buf] = tick
      for _, listener in ipairs(listeners) do
        listener(buf, first, vim.api.nvim_buf_line_count(buf) - last_new)
      end
    end,
    on_reload = function(_, buf)
      changed[buf] = vim.api.nvim_buf_get_changedtick(buf)
      for _, listener in ipairs(listeners) do
        listener(buf, 0, 0)
      end
    end,
    on_detach = function(_, buf)
      watched[buf], changed[buf], sent[buf] = nil, nil, nil
    end,
  }) or nil
end

--- Whether positions in `version` of the document are valid in the current text of the buffer.
---@param bufnr integer
---@param version integer
---@return boolean
function M.current(bufnr, version)
  local last = sent[bufnr]
  return last ~= nil and last.version == version and (changed[bufnr] or 0) <= last.tick
end

return M
