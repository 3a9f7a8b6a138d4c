--- The words of a comparison, and how they are marked.
local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_compare')

--- A passage as the server takes it: as text, since its file may not be open.
---@param passage fovea.Passage
---@return { text: string, language: string }
function M.argument(passage)
  return { text = passage.sent, language = passage.language }
end

--- The words of a passage, where they are shown.
---@param words table[]
---@param passage fovea.Passage
---@return fovea.Word[]
function M.placed(words, passage)
  local function column(place)
    return math.max(0, place.column - (passage.removed[place.line + 1] or 0))
  end
  return vim.tbl_map(function(word)
    return {
      row = word.start.line,
      from = column(word.start),
      stop = word['end'].line,
      to = column(word['end']),
      text = word.text,
      score = word.score,
    }
  end, words)
end

---@param share number of the largest, up to 1
---@return integer tone
function M.tone(share)
  return share >= 0.6 and 3 or share >= 0.3 and 2 or 1
end

--- The words that say why the passages are similar: those that the server names, or those with the largest scores.
---@param view fovea.Comparison
---@param number integer side
---@return table<integer, integer> tone by word
function M.telling(view, number)
  local side, tones = view.sides[number], {}
  local shared = view.answer.shared
  if type(shared) == 'table' then
    local most = shared[1] and shared[1].score or 0
    for _, entry in ipairs(shared) do
      for _, index in ipairs(entry[number == 1 and 'a' or 'b']) do
        local found = most > 0 and M.tone(entry.score / most) or 1
        tones[index + 1] = math.max(tones[index + 1] or 1, found)
      end
    end
    return tones
  end
  local most = 0
  for _, word in ipairs(side.words) do
    most = word.text:find('%w') and math.max(most, word.score) or most
  end
  for i, word in ipairs(side.words) do
    if most > 0 and word.score >= 0.3 * most and word.text:find('%w') then
      tones[i] = M.tone(word.score / most)
    end
  end
  return tones
end

---@param side fovea.Side
---@param word fovea.Word
---@param group string
---@param priority integer
function M.mark(side, word, group, priority)
  vim.api.nvim_buf_set_extmark(side.bufnr, M.namespace, word.row, word.from, {
    end_row = word.stop,
    end_col = word.to,
    hl_group = group,
    priority = priority,
    strict = false,
  })
end

---@param side fovea.Side
---@param tones table<integer, integer>
function M.paint(side, tones)
  vim.api.nvim_buf_clear_namespace(side.bufnr, M.namespace, 0, -1)
  for i, strength in pairs(tones) do
    local word = side.words[i]
    if word then
      local weak = side.is_weak and side.is_weak(word.row, word.from, 'FoveaHeat' .. strength)
      M.mark(side, word, (weak and 'FoveaHeatText' or 'FoveaHeat') .. strength, 110)
    end
  end
end

---@param side fovea.Side
---@param row integer
---@param column integer
---@return integer? index
function M.word_at(side, row, column)
  for i, word in ipairs(side.words) do
    local after = row > word.row or (row == word.row and column >= word.from)
    local before = row < word.stop or (row == word.stop and column < word.to)
    if after and before then
      return i
    end
  end
end

---@param shares number[]
---@param count integer
---@return integer[] order of the best, best first
function M.best(shares, count)
  local order = vim.tbl_filter(function(j)
    return shares[j] > 0
  end, vim.fn.range(1, #shares))
  table.sort(order, function(a, b)
    return shares[a] > shares[b]
  end)
  return vim.list_slice(order, 1, count)
end

--- The initial word of the cursor: the first shared word, or the one with the largest score.
---@param view fovea.Comparison
---@return fovea.Word?
function M.first_word(view)
  local words = view.sides[1].words
  local shared = type(view.answer.shared) == 'table' and view.answer.shared[1]
  if shared and shared.a[1] and words[shared.a[1] + 1] then
    return words[shared.a[1] + 1]
  end
  local scores = vim.tbl_map(function(word)
    return word.text:find('%w') and word.score or 0
  end, words)
  return words[M.best(scores, 1)[1] or 1]
end

return M
