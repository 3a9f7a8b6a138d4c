--- The numbers of the word at the cursor: its share, its rank, the method, and the residual of the split.
local client = require('fovea.client')
local panel = require('fovea.panel')

local M = {}

---@param place { line: integer, column: integer }
---@param row integer
---@param column integer byte
---@return boolean
local function not_after(place, row, column)
  return place.line < row or (place.line == row and place.column <= column)
end

---@param thing { start: table, end: table }
---@param row integer
---@param column integer
---@return boolean
local function holds(thing, row, column)
  return not_after(thing.start, row, column) and not not_after(thing['end'], row, column)
end

--- The smallest unit at a position, and its word there.
---@param answer table the JSON of `fovea explain`
---@param row integer
---@param column integer
---@return table? unit
---@return table? word
function M.find(answer, row, column)
  local unit
  for _, candidate in ipairs(answer.units or {}) do
    local smaller = not unit or candidate['end'].byte - candidate.start.byte < unit['end'].byte - unit.start.byte
    if smaller and holds(candidate, row, column) then
      unit = candidate
    end
  end
  for _, word in ipairs(unit and unit.words or {}) do
    if holds(word, row, column) then
      return unit, word
    end
  end
  return unit
end

local methods = {
  decomposition = 'the share of the unit\'s embedding that came in through the word',
  alti = 'the word\'s part in the attention layers (ALTI)',
  attention = 'how much the model attends to the word',
  surprisal = 'how unexpected the word is after those before it (surprisal)',
  rollout = 'how much attention reaches the word through all layers (rollout)',
  norm = 'the length of the word\'s final vector',
}

---@param share number
---@return string
local function percent(share)
  return (('%.1f'):format(share * 100):gsub('^%-0%.0$', '0.0'))
end

---@param answer table
---@param unit table
---@param word table
---@return string[]
function M.lines(answer, unit, word)
  local name = unit.name and unit.name ~= '' and ('%s %s'):format(unit.kind, unit.name) or 'this ' .. unit.kind
  local lines = {
    ('%s · word %d of %d in %s'):format(word.text, word.rank, #unit.words, name),
    '',
    ('share     %s %% (%.4f)'):format(percent(word.score), word.score),
    ('method    %s: %s'):format(answer.method, methods[answer.method] or ''),
    ('residual  %.1e'):format(unit.residual),
    ('besides   biases %s %%, special tokens %s %%'):format(percent(unit.bias_share), percent(unit.special_share)),
    ('model     %s, %d tokens'):format(answer.model, unit.tokens),
    '',
    'The most telling words here:',
  }
  local words = vim.deepcopy(unit.words)
  table.sort(words, function(a, b)
    return a.score > b.score
  end)
  for i = 1, math.min(#words, 6) do
    table.insert(lines, panel.row(words[i].score, words[1].score, words[i].text))
  end
  return lines
end

--- Shows the numbers of the word at the cursor.
function M.run()
  local bufnr = vim.api.nvim_get_current_buf()
  local ours = client.attached()
  if not ours then
    return
  end
  local cursor, tick = vim.api.nvim_win_get_cursor(0), vim.api.nvim_buf_get_changedtick(bufnr)
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  client.request(ours, 'fovea/explain', params, function(err, answer)
    if vim.api.nvim_get_current_buf() ~= bufnr or vim.api.nvim_buf_get_changedtick(bufnr) ~= tick then
      return
    end
    if err or type(answer) ~= 'table' then
      vim.notify('Fovea: ' .. (err and err.message or 'no answer'), vim.log.levels.ERROR)
      return
    end
    local unit, word = M.find(answer, cursor[1] - 1, cursor[2])
    if not unit or not word then
      vim.notify('Fovea: no word that the model reads is under the cursor')
      return
    end
    panel.open(M.lines(answer, unit, word), ' Why? ')
  end, bufnr)
end

return M
