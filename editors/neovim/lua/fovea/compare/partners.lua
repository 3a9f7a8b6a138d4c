--- The partners of the word at the cursor, marked on the other side of a comparison.
local client = require('fovea.client')
local header = require('fovea.compare.header')
local words = require('fovea.compare.words')

local M = {}

--- A partner with less than this share of the strongest one is noise.
local WORTH = 0.12

--- Milliseconds that the cursor rests before a row is requested.
local REST = 40

--- Writes the header, and adapts the height of its window.
---@param view fovea.Comparison
function M.write_header(view)
  if view.closed or not vim.api.nvim_buf_is_valid(view.header) then
    return
  end
  local lines = header.lines(view)
  vim.bo[view.header].modifiable = true
  vim.api.nvim_buf_set_lines(view.header, 0, -1, false, lines)
  vim.bo[view.header].modifiable = false
  vim.api.nvim_buf_clear_namespace(view.header, words.namespace, 0, -1)
  for i, line in ipairs(lines) do
    local group = i == 1 and 'Title' or line:find('^ [▸▾]') and 'Comment' or nil
    if group then
      vim.api.nvim_buf_set_extmark(view.header, words.namespace, i - 1, 0, { end_col = #line, hl_group = group })
    end
  end
  if vim.api.nvim_win_is_valid(view.top) then
    local width, height = vim.api.nvim_win_get_width(view.top), 0
    for _, line in ipairs(lines) do
      height = height + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
    end
    vim.api.nvim_win_set_height(view.top, math.min(height, math.max(3, math.floor(vim.o.lines / 2))))
  end
end

---@param view fovea.Comparison
---@param message string
local function say(view, message)
  if view.message ~= message then
    view.message = message
    M.write_header(view)
  end
end

---@param side fovea.Side
---@param word fovea.Word
---@return string
local function named(side, word)
  return ('%s (line %d)'):format(word.text, side.passage.row + word.row + 1)
end

--- Marks the partners of a word.
---@param view fovea.Comparison
---@param from integer side
---@param index integer word
---@param shares number[]
local function light(view, from, index, shares)
  local side, other = view.sides[from], view.sides[3 - from]
  local order = words.best(shares, 12)
  local most = order[1] and shares[order[1]] or 0
  local tones = {}
  for _, j in ipairs(order) do
    if shares[j] >= WORTH * most then
      tones[j] = words.tone(shares[j] / most)
    end
  end
  words.paint(side, words.telling(view, from))
  words.paint(other, tones)
  local word = side.words[index]
  words.mark(side, word, 'FoveaFocus', 150)
  if order[1] then
    words.mark(other, other.words[order[1]], 'FoveaFocus', 150)
  end
  local texts = {}
  for i = 1, math.min(4, #order) do
    -- Partners with a small share are marked, but not named.
    if shares[order[i]] >= 0.2 * most then
      local partner = other.words[order[i]]
      table.insert(texts, view.details and ('%s %.3f'):format(named(other, partner), shares[order[i]]) or named(other, partner))
    end
  end
  local much = view.details and (' brings %.3f and'):format(word.score) or ''
  if #texts == 0 then
    say(view, ('%s%s has no partner on the other side'):format(word.text, much))
  else
    say(view, header.fitting(('%s%s goes with '):format(word.text, much), texts))
  end
end

---@param view fovea.Comparison
---@return table[] arguments
local function arguments(view)
  return vim.tbl_map(function(side)
    return words.argument(side.passage)
  end, view.sides)
end

--- Gets the shares of a word with each word of the other side; known ones are passed to `done` at once.
---@param view fovea.Comparison
---@param from integer side
---@param index integer word
---@param done fun(shares: number[])
local function row_of(view, from, index, done)
  local key = from .. ':' .. index
  if view.pending then
    view.pending()
    view.pending = nil
  end
  local matrix = view.answer.pairs
  if type(matrix) == 'table' and not view.rows[key] then
    local shares = {}
    for j = 1, #view.sides[3 - from].words do
      shares[j] = from == 1 and matrix[index][j] or matrix[j][index]
    end
    view.rows[key] = shares
  end
  if view.rows[key] then
    done(view.rows[key])
    return
  end
  local cancel
  local timer = vim.defer_fn(function()
    local all = arguments(view)
    all[3] = { row = { side = from == 1 and 'a' or 'b', word = index - 1 } }
    cancel = client.command('fovea.comparePassages', all, {}, function(err, answer)
      if not err and type(answer) == 'table' and type(answer.scores) == 'table' then
        view.rows[key] = answer.scores
        if not view.closed then
          done(answer.scores)
        end
      end
    end)
  end, REST)
  view.pending = function()
    if cancel then
      cancel()
    elseif not timer:is_closing() then
      timer:stop()
      timer:close()
    end
  end
end

--- Marks the partners of the word at the cursor; without a word, marks the shared words of both sides.
---@param view fovea.Comparison
---@param from integer
function M.follow(view, from)
  local side = view.sides[from]
  local cursor = vim.api.nvim_win_get_cursor(side.window)
  local index = words.word_at(side, cursor[1] - 1, cursor[2])
  if not index then
    if view.pending then
      view.pending()
      view.pending = nil
    end
    words.paint(view.sides[1], words.telling(view, 1))
    words.paint(view.sides[2], words.telling(view, 2))
    say(view, 'Move onto a word to see its partners.')
    return
  end
  row_of(view, from, index, function(shares)
    -- The cursor may have moved during the request.
    local now = vim.api.nvim_win_is_valid(side.window) and vim.api.nvim_win_get_cursor(side.window)
    if now and vim.api.nvim_get_current_win() == side.window and words.word_at(side, now[1] - 1, now[2]) == index then
      light(view, from, index, shares)
    end
  end)
end

return M
