--- Marks the words that the word at the cursor draws on while the cursor rests: strong, middle, weak.
---
--- The marks are extmarks with a separate color. The occurrences of `vim.lsp.buf.document_highlight()` come from other servers, and do not
--- change.
local config = require('fovea.config')
local position = require('fovea.position')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_highlight')

--- Milliseconds that the cursor rests before the server is asked.
M.REST = 150

local group = vim.api.nvim_create_augroup('fovea_highlight', {})

-- By strength.
local groups = { 'FoveaDrawsWeak', 'FoveaDrawsMiddle', 'FoveaDrawsStrong' }

---@type boolean? the state that the user chose in this session
local toggled

---@class fovea.Shown
---@field tick integer
---@field from integer[] row and byte column of the word that is explained
---@field to integer[]

---@type table<integer, fovea.Shown> by buffer
local shown = {}

---@type uv.uv_timer_t?
local timer

---@type table<integer, true> clients whose server does not know `fovea/drawsOn`
local older_servers = {}

---@return boolean
function M.enabled()
  if toggled ~= nil then
    return toggled
  end
  return config.options.highlight.enable ~= false
end

---@param bufnr integer
function M.clear(bufnr)
  shown[bufnr] = nil
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

---@param bufnr integer
---@param place lsp.Position
---@param encoding string
---@return integer[] row and byte column
local function bytes(bufnr, place, encoding)
  local text = vim.api.nvim_buf_get_lines(bufnr, place.line, place.line + 1, false)[1] or ''
  return { place.line, position.byte(text, place.character, encoding) }
end

--- Converts document highlights of an older server without `fovea/drawsOn`: their kind is the strength.
---@param highlights lsp.DocumentHighlight[]?
---@return table?
local function from_highlights(highlights)
  local words = vim.tbl_map(function(highlight)
    return { range = highlight.range, strength = highlight.kind or 1 }
  end, highlights or {})
  return #words > 0 and { words = words } or nil
end

--- Asks for the words that the word at a position draws on; `done` gets nil if there are none.
---@param client vim.lsp.Client
---@param params lsp.TextDocumentPositionParams
---@param bufnr integer
---@param done fun(answer?: table)
local function ask(client, params, bufnr, done)
  local request = require('fovea.client').request
  local function older()
    request(client, 'textDocument/documentHighlight', params, function(err, highlights)
      done(not err and from_highlights(highlights) or nil)
    end, bufnr)
  end
  if older_servers[client.id] then
    older()
    return
  end
  request(client, 'fovea/drawsOn', params, function(err, answer)
    if err and err.code == vim.lsp.protocol.ErrorCodes.MethodNotFound then
      older_servers[client.id] = true
      older()
    else
      done(not err and type(answer) == 'table' and answer or nil)
    end
  end, bufnr)
end

--- Asks about the word at the cursor and draws the answer.
---
--- The server answers null after its time limit. The cursor rests only once, so the plugin asks again a little later.
---@param bufnr integer
---@param retries? integer
function M.refresh(bufnr, retries)
  retries = retries or 2
  local client = require('fovea.client').get(bufnr)
  if not client or not client.initialized or vim.api.nvim_get_current_buf() ~= bufnr then
    return
  end
  local cursor = vim.api.nvim_win_get_cursor(0)
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local encoding = client.offset_encoding
  ask(client, vim.lsp.util.make_position_params(0, encoding), bufnr, function(answer)
    -- The cursor may have moved, or the text changed, during the request.
    if not vim.api.nvim_buf_is_loaded(bufnr) or not unmoved(bufnr, tick, cursor) then
      return
    end
    if not answer then
      if retries > 0 then
        vim.defer_fn(function()
          if vim.api.nvim_buf_is_loaded(bufnr) and M.enabled() and unmoved(bufnr, tick, cursor) then
            M.refresh(bufnr, retries - 1)
          end
        end, 400)
      end
      return
    end
    M.clear(bufnr)
    local here = { cursor[1] - 1, cursor[2] }
    local word = answer.word
    shown[bufnr] = {
      tick = tick,
      from = word and bytes(bufnr, word.start, encoding) or here,
      to = word and bytes(bufnr, word['end'], encoding) or { here[1], here[2] + 1 },
    }
    for _, source in ipairs(answer.words) do
      local from, to = bytes(bufnr, source.range.start, encoding), bytes(bufnr, source.range['end'], encoding)
      vim.api.nvim_buf_set_extmark(bufnr, M.namespace, from[1], from[2], {
        end_row = to[1],
        end_col = to[2],
        hl_group = groups[math.max(1, math.min(3, source.strength))],
        -- Above the heat and semantic tokens, because the user rested the cursor here.
        priority = 140,
        invalidate = true,
        undo_restore = false,
      })
    end
  end)
end

--- Whether the cursor is still on the word whose sources are marked.
---@param bufnr integer
---@return boolean
local function on_same_word(bufnr)
  local last = shown[bufnr]
  if not last or last.tick ~= vim.api.nvim_buf_get_changedtick(bufnr) then
    return false
  end
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  local after = row > last.from[1] or (row == last.from[1] and column >= last.from[2])
  local before = row < last.to[1] or (row == last.to[1] and column < last.to[2])
  return after and before
end

---@param bufnr integer
local function rest(bufnr)
  if timer and not timer:is_closing() then
    timer:stop()
    timer:close()
  end
  timer = vim.defer_fn(function()
    if vim.api.nvim_buf_is_loaded(bufnr) and M.enabled() then
      M.refresh(bufnr)
    end
  end, M.REST)
end

---@param bufnr integer
function M.attach(bufnr)
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'TextChanged', 'TextChangedI', 'BufEnter' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      if on_same_word(bufnr) then
        return
      end
      M.clear(bufnr)
      if M.enabled() then
        rest(bufnr)
      end
    end,
  })
  vim.api.nvim_create_autocmd('BufLeave', {
    group = group,
    buffer = bufnr,
    callback = function()
      M.clear(bufnr)
    end,
  })
end

--- Turns the marks on or off for this session, independent of the option.
---@param wanted? boolean
---@return boolean
function M.toggle(wanted)
  local bufnr = vim.api.nvim_get_current_buf()
  if wanted == nil then
    wanted = not M.enabled()
  end
  toggled = wanted
  -- The server's highlights are toggled as well: it answers null while they are off.
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
