--- What the word under the cursor draws on, shown while the cursor rests: strongest, middle, weak.
---
--- Only our server is asked, and where another server of the buffer has highlights of its own we stay silent unless told otherwise.
local config = require('fovea.config')
local position = require('fovea.position')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_highlight')

local method = 'textDocument/documentHighlight'
local group = vim.api.nvim_create_augroup('fovea_highlight', {})

-- LSP has kinds and no strength: Write is the strongest.
local groups = { 'FoveaDrawsWeak', 'FoveaDrawsMiddle', 'FoveaDrawsStrong' }
for i, link in ipairs({ 'LspReferenceText', 'LspReferenceRead', 'LspReferenceWrite' }) do
  vim.api.nvim_set_hl(0, groups[i], { default = true, link = link })
end

---@type boolean? what the user toggled to in this session
local toggled

---@param bufnr integer
---@return boolean
function M.enabled(bufnr)
  if toggled ~= nil then
    return toggled
  end
  local wanted = config.options.highlight.enable
  if wanted ~= 'auto' then
    return wanted ~= false
  end
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr })) do
    if client.name ~= 'fovea' and require('fovea.client').supports(client, method, bufnr) then
      return false
    end
  end
  return true
end

---@param bufnr integer
function M.clear(bufnr)
  vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
end

---@param bufnr integer
---@param tick integer
---@param cursor integer[]
---@return boolean
local function unmoved(bufnr, tick, cursor)
  return vim.api.nvim_get_current_buf() == bufnr
    and vim.api.nvim_buf_get_changedtick(bufnr) == tick
    and vim.deep_equal(vim.api.nvim_win_get_cursor(0), cursor)
end

--- Asks for the word under the cursor and draws the answer.
---
--- The server keeps to a deadline and answers nothing past it; the cursor rests only once, so it is asked again a little later.
---@param bufnr integer
---@param retries? integer
function M.refresh(bufnr, retries)
  retries = retries or 2
  local client = require('fovea.client').get(bufnr)
  if not client or vim.api.nvim_get_current_buf() ~= bufnr then
    return
  end
  local cursor = vim.api.nvim_win_get_cursor(0)
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  require('fovea.client').request(client, method, params, function(err, result)
    -- The cursor may have moved on, or the text changed, while the model worked.
    if err or not vim.api.nvim_buf_is_loaded(bufnr) or not unmoved(bufnr, tick, cursor) then
      return
    end
    if not result and retries > 0 then
      vim.defer_fn(function()
        if vim.api.nvim_buf_is_loaded(bufnr) and M.enabled(bufnr) and unmoved(bufnr, tick, cursor) then
          M.refresh(bufnr, retries - 1)
        end
      end, 400)
      return
    end
    M.clear(bufnr)
    for _, highlight in ipairs(result or {}) do
      local from, to = highlight.range.start, highlight.range['end']
      local text = vim.api.nvim_buf_get_lines(bufnr, from.line, from.line + 1, false)[1] or ''
      local ends = vim.api.nvim_buf_get_lines(bufnr, to.line, to.line + 1, false)[1] or ''
      vim.api.nvim_buf_set_extmark(bufnr, M.namespace, from.line, position.byte(text, from.character, client.offset_encoding), {
        end_row = to.line,
        end_col = position.byte(ends, to.character, client.offset_encoding),
        hl_group = groups[highlight.kind or 1],
        -- Above the heat, and above semantic tokens: it was asked for by resting the cursor.
        priority = 140,
        invalidate = true,
        undo_restore = false,
      })
    end
  end, bufnr)
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  vim.api.nvim_create_autocmd({ 'CursorHold', 'CursorHoldI' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      if M.enabled(bufnr) then
        M.refresh(bufnr)
      end
    end,
  })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'BufLeave' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M.clear(bufnr)
    end,
  })
end

--- On or off for this session, over the configured default.
---@param wanted? boolean
---@return boolean
function M.toggle(wanted)
  local bufnr = vim.api.nvim_get_current_buf()
  if wanted == nil then
    wanted = not M.enabled(bufnr)
  end
  toggled = wanted
  -- The server too: it answers nothing while its own switch is off.
  require('fovea.client').execute('fovea.toggleHighlight', { wanted }, function()
    if wanted then
      M.refresh(bufnr)
    else
      M.clear(bufnr)
    end
  end)
  return wanted
end

vim.api.nvim_create_autocmd('LspDetach', {
  group = vim.api.nvim_create_augroup('fovea_highlight_detach', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'fovea' and vim.api.nvim_buf_is_loaded(event.buf) then
      M.clear(event.buf)
    end
  end,
})

return M
