--- Gives buffers without a name, such as those of `:enew`, URIs such as `untitled:Untitled-3`, so that they are analyzed.
---
--- Neovim gives every buffer without a name the URI `file://`. Two of them would be one document for a server, and its answers would have
--- no buffer. So this module wraps Neovim's conversions for the buffers that Fovea attaches to.
local M = {}

---@type table<integer, string> URI by buffer
local uris = {}
---@type table<integer, string> the last filetype of a buffer
local languages = {}

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

--- Whether a buffer has no name and is for editing.
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

--- Opens the document again after a change of its name or language.
---@param bufnr integer
local function again(bufnr)
  local client = require('fovea.client').get(bufnr)
  if client then
    -- This closes the document with its old URI.
    vim.lsp.buf_detach_client(bufnr, client.id)
  end
  uris[bufnr] = nil
  M.register(bufnr)
  if client then
    require('fovea.client').start(bufnr)
  end
end

local ready = false

--- Sets up buffers without a name, once.
---
--- A buffer gets its URI when it is created, because Neovim may attach servers before Fovea's autocommands run.
function M.setup()
  if ready then
    return
  end
  ready = true
  local group = vim.api.nvim_create_augroup('fovea_untitled', {})
  vim.iter(vim.api.nvim_list_bufs()):each(M.register)
  vim.api.nvim_create_autocmd({ 'BufNew', 'BufEnter' }, {
    group = group,
    callback = function(event)
      M.register(event.buf)
    end,
  })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      local language = languages[event.buf]
      languages[event.buf] = event.match
      if uris[event.buf] and (language or '') ~= event.match then
        again(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'TextChanged' }, {
    group = group,
    callback = function(event)
      local client = require('fovea.client')
      if M.is_nameless(event.buf) and has_text(event.buf) and not client.get(event.buf) then
        M.register(event.buf)
        client.start(event.buf)
      end
    end,
  })
  -- `:file` triggers the first event, and `:write FILE` the second.
  vim.api.nvim_create_autocmd({ 'BufFilePost', 'BufAdd' }, {
    group = group,
    callback = function(event)
      if uris[event.buf] and vim.api.nvim_buf_get_name(event.buf) ~= '' then
        again(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd('BufWipeout', {
    group = group,
    callback = function(event)
      -- The document is closed with its old URI first.
      vim.schedule(function()
        if not vim.api.nvim_buf_is_valid(event.buf) then
          uris[event.buf], languages[event.buf] = nil, nil
        end
      end)
    end,
  })
end

return M
