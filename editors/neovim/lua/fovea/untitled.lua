--- Buffers without a name, as `:enew` makes them: analyzed too, under URIs such as `untitled:Untitled-3`.
---
--- Neovim gives every buffer without a name the URI `file://`. Two of them would be one document for a server, and its answers would
--- find no buffer. So for those that we attach to, Neovim's own conversions are asked through ours.
local M = {}

---@type table<integer, string> URI by buffer
local uris = {}

local from_bufnr, to_bufnr = vim.uri_from_bufnr, vim.uri_to_bufnr
local patched = false

local function patch()
  if patched then
    return
  end
  patched = true
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.uri_from_bufnr = function(bufnr)
    return uris[(bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr] or from_bufnr(bufnr)
  end
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.uri_to_bufnr = function(uri)
    local number = tonumber(uri:match('^untitled:Untitled%-(%d+)$'))
    return number and uris[number] and number or to_bufnr(uri)
  end
end

--- Whether a buffer has no name, and a person writes in it.
---@param bufnr integer
---@return boolean
function M.is_nameless(bufnr)
  return vim.api.nvim_buf_is_loaded(bufnr)
    and vim.api.nvim_buf_get_name(bufnr) == ''
    and vim.bo[bufnr].buftype == ''
    and vim.bo[bufnr].buflisted
end

---@param bufnr integer
function M.register(bufnr)
  if M.is_nameless(bufnr) and not uris[bufnr] then
    patch()
    uris[bufnr] = ('untitled:Untitled-%d'):format(bufnr)
  end
end

---@param bufnr integer
---@return boolean
local function has_text(bufnr)
  return vim.api.nvim_buf_line_count(bufnr) > 1 or (vim.api.nvim_buf_get_lines(bufnr, 0, 1, false)[1] or '') ~= ''
end

--- Opens the document again, as its name or its language is another one now.
---@param bufnr integer
local function again(bufnr)
  local client = require('fovea.client').get(bufnr)
  if client then
    -- Closed under its old URI.
    vim.lsp.buf_detach_client(bufnr, client.id)
  end
  uris[bufnr] = nil
  M.register(bufnr)
  require('fovea.client').start(bufnr)
end

--- Sets up what attaches to buffers without a name. The order matters: a buffer has its URI before Neovim attaches a server to it.
function M.setup()
  local group = vim.api.nvim_create_augroup('fovea_untitled', {})
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      if uris[event.buf] then
        again(event.buf)
      elseif M.is_nameless(event.buf) then
        M.register(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'TextChanged' }, {
    group = group,
    callback = function(event)
      if not uris[event.buf] and M.is_nameless(event.buf) and has_text(event.buf) then
        M.register(event.buf)
        require('fovea.client').start(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd('BufFilePost', {
    group = group,
    callback = function(event)
      if uris[event.buf] then
        again(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd('BufWipeout', {
    group = group,
    callback = function(event)
      -- The document is closed under its URI first.
      vim.schedule(function()
        if not vim.api.nvim_buf_is_valid(event.buf) then
          uris[event.buf] = nil
        end
      end)
    end,
  })
end

return M
