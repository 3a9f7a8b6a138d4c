--- Draws fovea/heat: one extmark for each word, in one of three tones.
---
--- Marks move with the text and stay until the next result, so that nothing flickers. Each result names the version of its text; a result
--- for an older text is not drawn, because the next one follows.
local colors = require('fovea.colors')
local config = require('fovea.config')
local contrast = require('fovea.contrast')
local position = require('fovea.position')
local versions = require('fovea.versions')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_heat')
M.unread_namespace = vim.api.nvim_create_namespace('fovea_unread')

---@class fovea.Heat
---@field uri string
---@field version integer
---@field method string
---@field levels integer
---@field complete boolean
---@field changed? { since: integer, start: integer, end: integer, was: integer } the changed lines; without it, the message is whole
---@field words integer[][] line, start, end, level
---@field unread fovea.Unread[]

---@class fovea.Unread
---@field range lsp.Range
---@field coverage number
---@field reason string

---@class fovea.Drawn
---@field lines table<integer, integer[][]|false> the drawn words by line; false for a line that is not drawn yet
---@field count integer lines of the buffer then
---@field head integer lines from the top that were not edited since
---@field tail integer lines from the bottom that were not edited since
---@field params? fovea.Heat the message without its words

---@type table<integer, fovea.Drawn>
local drawn = {}

---@class fovea.Known
---@field version integer
---@field lines table<integer, integer[][]> the words by line; the line inside a word is that of its message
---@field unread fovea.Unread[]

--- The last heat of each document, drawn or not: the next message may contain only changes to it.
---@type table<string, fovea.Known>
local known = {}

versions.on_lines(function(bufnr, first, rest)
  local state = drawn[bufnr]
  if state then
    state.head = math.min(state.head, first)
    state.tail = math.min(state.tail, rest)
  end
end)

---@param words integer[][]
---@return table<integer, integer[][]>
local function by_line(words)
  local lines = {}
  for _, word in ipairs(words) do
    local line = lines[word[1]] or {}
    line[#line + 1] = word
    lines[word[1]] = line
  end
  return lines
end

---@param unread fovea.Unread
---@param down integer
---@return fovea.Unread
local function moved(unread, down)
  unread.range.start.line = unread.range.start.line + down
  unread.range['end'].line = unread.range['end'].line + down
  return unread
end

--- The whole heat after a message; nil if the previous message is missing, as after a restart of the client.
---@param params fovea.Heat
---@return fovea.Known?
local function take(params)
  local lines, unread = by_line(params.words), params.unread or {}
  local change, before = params.changed, known[params.uri]
  if change then
    if not before or before.version ~= change.since then
      known[params.uri] = nil
      return nil
    end
    local down = change['end'] - change.was
    for row, words in pairs(before.lines) do
      if row < change.start then
        lines[row] = words
      elseif row >= change.was then
        lines[row + down] = words
      end
    end
    for _, stretch in ipairs(before.unread) do
      local row = stretch.range.start.line
      if row < change.start then
        table.insert(unread, stretch)
      elseif row >= change.was then
        table.insert(unread, moved(stretch, down))
      end
    end
  end
  known[params.uri] = { version = params.version, lines = lines, unread = unread }
  return known[params.uri]
end

---@param a integer[][]?
---@param b integer[][]?
---@return boolean
local function same(a, b)
  if a == b or not a or not b or #a ~= #b then
    return a == b
  end
  for i, word in ipairs(a) do
    local other = b[i]
    if word[2] ~= other[2] or word[3] ~= other[3] or word[4] ~= other[4] then
      return false
    end
  end
  return true
end

--- The lines to draw again, end exclusive.
---
--- Unedited lines at the top and the bottom still have their marks, since marks move with the text. Lines with the same levels are not
--- drawn again, so an edit redraws little of a long document.
---@param state fovea.Drawn?
---@param lines table<integer, integer[][]>
---@param count integer lines of the buffer
---@return integer top, integer bottom
local function changed(state, lines, count)
  if not state then
    return 0, count
  end
  local top, bottom, shift = 0, count, count - state.count
  while top < math.min(state.head, count) and same(state.lines[top], lines[top]) do
    top = top + 1
  end
  while bottom > math.max(top, count - state.tail) and same(state.lines[bottom - 1 - shift], lines[bottom - 1]) do
    bottom = bottom - 1
  end
  return top, bottom
end

--- Draws the words of some lines again, end exclusive.
---@param bufnr integer
---@param state fovea.Drawn
---@param lines table<integer, integer[][]>
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@param top integer
---@param bottom integer
local function draw_lines(bufnr, state, lines, encoding, top, bottom)
  if top >= bottom then
    return
  end
  vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, top, bottom)
  local texts = vim.api.nvim_buf_get_lines(bufnr, top, bottom, false)
  local is_weak = contrast.of(bufnr, top, bottom)
  for row = top, bottom - 1 do
    state.lines[row] = lines[row]
    local text = texts[row - top + 1] or ''
    for _, word in ipairs(lines[row] or {}) do
      local column = position.byte(text, word[2], encoding)
      local weak = is_weak(row, column, colors.group(word[4]))
      vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, column, {
        end_row = row,
        end_col = position.byte(text, word[3], encoding),
        hl_group = colors.group(word[4], weak),
        -- A text color must override semantic tokens (125), because theirs may be the faint color.
        priority = config.options.heat.priority + (weak and 20 or 0),
        -- Deleting a word deletes its mark, and undo does not restore it in a wrong place.
        invalidate = true,
        undo_restore = false,
      })
    end
  end
end

--- The number of lines that are drawn at once; more would cause a noticeable pause.
local SLICE = 400

--- Draws the changed lines.
---
--- Few lines are drawn at once. Otherwise visible lines are drawn at once, and the rest in slices between which the editor handles keys.
--- Waiting lines keep their marks.
---@param bufnr integer
---@param lines table<integer, integer[][]>
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function draw(bufnr, lines, encoding)
  local count = vim.api.nvim_buf_line_count(bufnr)
  local top, bottom = changed(drawn[bufnr], lines, count)
  local state = { lines = {}, count = count, head = count, tail = count }
  for row, words in pairs(lines) do
    state.lines[row] = words
  end
  drawn[bufnr] = state
  if bottom - top <= SLICE then
    draw_lines(bufnr, state, lines, encoding, top, bottom)
    return
  end
  for row = top, bottom - 1 do
    state.lines[row] = false
  end
  for _, window in ipairs(vim.fn.win_findbuf(bufnr)) do
    local first = vim.fn.line('w0', window) - 1
    local last = math.max(vim.fn.line('w$', window), first + vim.api.nvim_win_get_height(window))
    draw_lines(bufnr, state, lines, encoding, math.max(top, first), math.min(bottom, last))
  end
  local function go_on()
    -- After an edit or newer heat, the lines differ; the next heat draws the rest.
    local as_before = drawn[bufnr] == state and state.head == count and state.tail == count
    if top >= bottom or not as_before or not vim.api.nvim_buf_is_loaded(bufnr) then
      return
    end
    draw_lines(bufnr, state, lines, encoding, top, math.min(bottom, top + SLICE))
    top = top + SLICE
    vim.defer_fn(go_on, 1)
  end
  vim.defer_fn(go_on, 1)
end

---@param bufnr integer
---@param unread { range: lsp.Range }[]
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function draw_unread(bufnr, unread, encoding)
  vim.api.nvim_buf_clear_namespace(bufnr, M.unread_namespace, 0, -1)
  for _, stretch in ipairs(unread) do
    local from, to = stretch.range.start, stretch.range['end']
    local lines = vim.api.nvim_buf_get_lines(bufnr, from.line, from.line + 1, false)
    local ends = vim.api.nvim_buf_get_lines(bufnr, to.line, to.line + 1, false)
    vim.api.nvim_buf_set_extmark(bufnr, M.unread_namespace, from.line, position.byte(lines[1] or '', from.character, encoding), {
      end_row = to.line,
      end_col = position.byte(ends[1] or '', to.character, encoding),
      hl_group = 'FoveaUnread',
      priority = config.options.heat.priority,
      invalidate = true,
      undo_restore = false,
      strict = false,
    })
  end
end

---@type lsp.Handler
function M.handler(_, params, context)
  ---@cast params fovea.Heat
  local client = vim.lsp.get_client_by_id(context.client_id)
  local bufnr = vim.uri_to_bufnr(params.uri)
  -- Messages are always merged, because the next one may contain only changes.
  local heat = take(params)
  if not heat or not client or not vim.api.nvim_buf_is_loaded(bufnr) or not versions.current(bufnr, params.version) then
    return
  end
  draw(bufnr, heat.lines, client.offset_encoding)
  draw_unread(bufnr, heat.unread, client.offset_encoding)
  local words = 0
  for _, line in pairs(heat.lines) do
    words = words + #line
  end
  drawn[bufnr].params = vim.tbl_extend('force', params, { words = words })
  vim.api.nvim_exec_autocmds('User', { pattern = 'FoveaHeat', data = { bufnr = bufnr, complete = params.complete }, modeline = false })
end

--- Draws everything again with the current colors.
function M.redraw()
  for bufnr, state in pairs(drawn) do
    local client = require('fovea.client').get(bufnr)
    local heat = known[vim.uri_from_bufnr(bufnr)]
    local untouched = state.head == state.count and state.tail == state.count
    -- After an edit, the next heat is drawn with the new colors.
    if client and heat and untouched and vim.api.nvim_buf_is_loaded(bufnr) then
      local params = state.params
      drawn[bufnr] = nil
      draw(bufnr, heat.lines, client.offset_encoding)
      drawn[bufnr].params = params
    end
  end
end

--- The last drawn heat of a buffer, or nil.
---@param bufnr integer
---@return fovea.Heat?
function M.last(bufnr)
  return drawn[bufnr] and drawn[bufnr].params
end

---@param bufnr integer
function M.clear(bufnr)
  drawn[bufnr] = nil
  if vim.api.nvim_buf_is_loaded(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
    vim.api.nvim_buf_clear_namespace(bufnr, M.unread_namespace, 0, -1)
  end
end

-- Removes the marks of a client that detaches.
vim.api.nvim_create_autocmd('LspDetach', {
  group = vim.api.nvim_create_augroup('fovea_heat', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'fovea' then
      known[vim.uri_from_bufnr(event.buf)] = nil
      M.clear(event.buf)
    end
  end,
})

return M
