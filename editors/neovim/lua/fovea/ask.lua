--- Ask: answers to a question, with the answer and its most important words marked in the text.
local client = require('fovea.client')
local contrast = require('fovea.contrast')
local places = require('fovea.places')
local position = require('fovea.position')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_ask')

--- A word is marked if its score is at least this share of the best word's score.
local SHARE = 0.25

--- The number of words that a line names.
local NAMED = 5

---@class fovea.AnswerWord
---@field range lsp.Range
---@field text string
---@field score number
---@field question? string

---@class fovea.FoundAnswer
---@field uri string
---@field range lsp.Range
---@field within lsp.Range the passage that contains it
---@field text string
---@field score number
---@field name? string
---@field words fovea.AnswerWord[]

--- The most important words of an answer: `API for key +0.21 · header +0.09`.
---@param found fovea.FoundAnswer
---@return string
function M.because(found)
  local words = vim.tbl_filter(function(word)
    return word.score > 0
  end, found.words)
  table.sort(words, function(a, b)
    return a.score > b.score
  end)
  local told = vim.tbl_map(function(word)
    local question = type(word.question) == 'string' and (' for ' .. word.question) or ''
    return ('%s%s +%.2f'):format(word.text, question, word.score)
  end, vim.list_slice(words, 1, NAMED))
  return table.concat(told, ' · ')
end

--- An answer as a place of a list; the list shows its text.
---@param found fovea.FoundAnswer
---@return fovea.Similar
local function place(found)
  local text = found.text:gsub('%s+', ' ')
  return {
    uri = found.uri,
    range = found.range,
    selection = found.range,
    name = text,
    kind = '',
    language = '',
    score = found.score,
    answer = found,
  }
end

--- Marks a range of a loaded buffer.
---@param bufnr integer
---@param range lsp.Range
---@param group string
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@param priority integer
local function mark(bufnr, range, group, encoding, priority)
  local function byte(at)
    local line = vim.api.nvim_buf_get_lines(bufnr, at.line, at.line + 1, false)[1] or ''
    return position.byte(line, at.character, encoding)
  end
  vim.api.nvim_buf_set_extmark(bufnr, M.namespace, range.start.line, byte(range.start), {
    end_row = range['end'].line,
    end_col = byte(range['end']),
    hl_group = group,
    priority = priority,
    strict = false,
  })
end

--- Words of an answer whose syntax color is hard to read on its background get another color.
---@param bufnr integer
---@param range lsp.Range
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function mend(bufnr, range, encoding)
  local first, last = range.start.line, range['end'].line
  local is_weak = contrast.of(bufnr, first, last + 1)
  for index, line in ipairs(vim.api.nvim_buf_get_lines(bufnr, first, last + 1, false)) do
    local row = first + index - 1
    local from = row == first and position.byte(line, range.start.character, encoding) or 0
    local to = row == last and position.byte(line, range['end'].character, encoding) or #line
    for _, pattern in ipairs({ '()[%w_\128-\255]+()', '()%p+()' }) do
      for start, stop in line:sub(1, to):gmatch(pattern) do
        local column = math.max(start - 1, from)
        if stop - 1 > column and is_weak(row, column, 'FoveaAnswer') then
          vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, column, {
            end_row = row,
            end_col = stop - 1,
            hl_group = 'FoveaAnswerText',
            priority = 151,
          })
        end
      end
    end
  end
end

--- Marks an answer in its buffer: its span, and its most important words on top. An edit removes the marks.
---@param found { uri: string, range: lsp.Range, words: fovea.AnswerWord[] }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.mark(found, encoding)
  M.clear()
  local bufnr = vim.uri_to_bufnr(found.uri)
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  mark(bufnr, found.range, 'FoveaAnswer', encoding, 150)
  mend(bufnr, found.range, encoding)
  local most = 0
  for _, word in ipairs(found.words) do
    most = math.max(most, word.score)
  end
  for _, word in ipairs(found.words) do
    if word.score > 0 and word.score >= SHARE * most then
      mark(bufnr, word.range, 'FoveaAnswerWord', encoding, 152)
    end
  end
  vim.api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI' }, { buffer = bufnr, once = true, callback = M.clear })
end

--- Removes the marks of the last answer.
function M.clear()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
    end
  end
end

--- Marks the answer at the cursor when its buffer is shown, because the list opens buffers itself.
---@param answers fovea.FoundAnswer[]
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function follow(answers, encoding)
  local function show()
    local uri = vim.uri_from_bufnr(0)
    local row = vim.api.nvim_win_get_cursor(0)[1] - 1
    for _, found in ipairs(answers) do
      if found.uri == uri and found.range.start.line <= row and row <= found.range['end'].line then
        if M.shown ~= found then
          -- The message of the first answer came with the list.
          if M.shown then
            vim.notify(M.line(found, ''))
          end
          M.shown = found
          M.mark(found, encoding)
        end
        return
      end
    end
  end
  vim.api.nvim_create_autocmd({ 'BufEnter', 'CursorMoved' }, {
    group = vim.api.nvim_create_augroup('fovea_ask', {}),
    callback = function()
      -- A list enters the buffer first and moves the cursor afterwards.
      vim.schedule(show)
    end,
  })
end

--- The argument of `fovea.trust` for the marked answer at the cursor.
---@return table?
function M.asked()
  local found = M.shown
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local marked = #vim.api.nvim_buf_get_extmarks(0, M.namespace, 0, -1, { limit = 1 }) > 0
  if not found or not marked or found.uri ~= vim.uri_from_bufnr(0) then
    return nil
  end
  if row < found.range.start.line or row > found.range['end'].line then
    return nil
  end
  return { question = M.question, uri = found.uri, range = found.range, within = found.within }
end

--- Forgets the answers, so that the cursor on one of them marks nothing.
function M.forget()
  M.shown = nil
  vim.api.nvim_create_augroup('fovea_ask', {})
  M.clear()
end

--- Said once, with the first answers, if a model can write one.
local HINT = ' · :FoveaAnswer writes an answer'
local hinted = false

--- What a message says about an answer. It has as many words as fit into a line: a longer message would show the hit-enter prompt.
---@param found fovea.FoundAnswer
---@param hint string what follows
---@return string
function M.line(found, hint)
  local room = math.max(20, vim.o.columns - 14 - vim.fn.strcharlen(hint))
  local line
  for _, word in ipairs(vim.split(M.because(found), ' · ', { plain = true })) do
    local longer = line and (line .. ' · ' .. word) or ('Fovea: ' .. word)
    if line and vim.fn.strcharlen(longer) > room then
      break
    end
    line = longer
  end
  return vim.fn.strcharpart(line or '', 0, room) .. hint
end

--- The line about the best answer.
---@param answer { answers: fovea.FoundAnswer[], writes?: boolean }
---@return string
local function told(answer)
  local hint = ''
  if answer.writes == true and not hinted then
    hint, hinted = HINT, true
  end
  return M.line(answer.answers[1], hint)
end

---@type fun()? cancels the pending question
local cancel

--- Asks the server. The answers become the location list; with `pick` the user chooses one at once. A new question cancels the last one.
---@param question string
---@param pick boolean
---@param alone boolean only the current document may answer
function M.run(question, pick, alone)
  question = vim.trim(question)
  if question == '' then
    vim.ui.input({ prompt = 'Ask: ' }, function(typed)
      if typed and vim.trim(typed) ~= '' then
        M.run(typed, true, alone)
      end
    end)
    return
  end
  local ours = client.get(0) or client.get()
  local argument = { question = question, top = 8, uri = alone and vim.uri_from_bufnr(0) or nil }
  if cancel then
    cancel()
  end
  cancel = client.command('fovea.ask', { argument }, {}, function(err, answer)
    if err then
      if err.code ~= vim.lsp.protocol.ErrorCodes.RequestCancelled then
        vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
      end
      return
    end
    cancel = nil
    answer = type(answer) == 'table' and answer or {}
    for _, note in ipairs(answer.notes or {}) do
      vim.notify('Fovea: ' .. note)
    end
    local answers = answer.answers or {}
    if not ours or #answers == 0 then
      vim.notify('Fovea: nothing here answers that')
      return
    end
    local items = vim.tbl_map(place, answers)
    local encoding = ours.offset_encoding
    M.shown, M.question = nil, question
    follow(answers, encoding)
    places.list(question, items, encoding, not pick)
    -- The list has the texts.
    vim.notify(told(answer))
    if pick then
      places.choose(question, items, encoding)
    end
  end)
end

return M
