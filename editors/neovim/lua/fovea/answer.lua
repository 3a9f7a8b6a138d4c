--- Answer: an answer that a model writes, and the passages without which each of its sentences is much less likely.
local ask = require('fovea.ask')
local client = require('fovea.client')
local places = require('fovea.places')
local progress = require('fovea.progress')
local windows = require('fovea.compare.windows')

local M = {}

local namespace = vim.api.nvim_create_namespace('fovea_answer')

--- Options of the window: the answer is prose. Its names in snake case are no errors.
local PROSE = {
  wrap = true,
  linebreak = true,
  breakindent = true,
  number = false,
  relativenumber = false,
  spell = false,
  winhighlight = 'markdownError:Normal',
}

---@class fovea.ReadPassage whole lines that the model read
---@field uri string
---@field range lsp.Range
---@field name? string

---@class fovea.WrittenSentence
---@field text string
---@field withoutAllTold string
---@field sources { passage: integer, times: string }[]

---@class fovea.WrittenAnswer
---@field model string
---@field sentences fovea.WrittenSentence[]
---@field passages fovea.ReadPassage[]
---@field cut boolean

---@class fovea.WrittenPage
---@field lines string[]
---@field passages table<integer, fovea.ReadPassage> by line
---@field quiet table<integer, boolean> lines that are not part of the answer
---@field links table<integer, { first: integer, last: integer }> the columns of places, in bytes from 0

--- Where a passage is: `docs/api.md:3-6`.
---@param passage fovea.ReadPassage
---@return string
function M.place(passage)
  local first, stop = passage.range.start.line + 1, passage.range['end']
  local last = stop.character > 0 and stop.line + 1 or stop.line
  local lines = last > first and ('%d-%d'):format(first, last) or first
  return ('%s:%s'):format(places.path(passage.uri), lines)
end

--- What a reader must know about the text: that a model wrote it, and whether it is complete.
---@param written fovea.WrittenAnswer
---@return string[]
local function advice(written)
  local lines = { written.model .. ' wrote this. Check it: a sentence that draws on a passage may still be wrong.' }
  if written.cut then
    table.insert(lines, 'The answer reached its maximum length, so its last sentence may be incomplete.')
  end
  return lines
end

--- The question, the sentences with what each draws on, and what was read in vain.
---@param question string
---@param written fovea.WrittenAnswer
---@return fovea.WrittenPage
function M.page(question, written)
  local page, used = { lines = { '# ' .. question, '' }, passages = {}, quiet = {}, links = {} }, {}
  local function add(line, passage)
    table.insert(page.lines, line)
    page.passages[#page.lines] = passage
    page.quiet[#page.lines] = true
    if passage then
      local first, last = line:find(M.place(passage), 1, true)
      page.links[#page.lines] = { first = first - 1, last = last }
    end
  end
  for _, sentence in ipairs(written.sentences) do
    table.insert(page.lines, sentence.text)
    for _, source in ipairs(sentence.sources) do
      local passage = written.passages[source.passage + 1]
      used[passage] = true
      add(('  %s · %s less likely without it'):format(M.place(passage), source.times), passage)
    end
    if #sentence.sources == 0 then
      add(('  from no single passage; without all of them %s'):format(sentence.withoutAllTold))
    end
    table.insert(page.lines, '')
  end
  for _, passage in ipairs(written.passages) do
    if not used[passage] then
      add('read and not used: ' .. M.place(passage), passage)
    end
  end
  for _, line in ipairs(advice(written)) do
    add(line)
  end
  return page
end

--- Goes to a passage in the previous window, and marks it.
---@param passage fovea.ReadPassage
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function go(passage, encoding)
  vim.cmd.wincmd('p')
  -- There may be no other window, or only a list.
  if vim.bo.buftype ~= '' then
    vim.cmd('aboveleft split')
  end
  places.jump({ uri = passage.uri, selection = passage.range }, encoding)
  ask.mark({ uri = passage.uri, range = passage.range, words = {} }, encoding)
end

--- The buffer and the window of the last answer.
---@type { bufnr: integer, window: integer }?
local shown

--- Opens the buffer of answers in a window below all others, or enters the window that shows it.
---@return { bufnr: integer, window: integer }
local function enter()
  if shown and vim.api.nvim_buf_is_valid(shown.bufnr) and vim.api.nvim_win_is_valid(shown.window) then
    vim.api.nvim_set_current_win(shown.window)
    return shown
  end
  local bufnr = windows.scratch({})
  vim.cmd('botright split')
  local window = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(window, bufnr)
  vim.bo[bufnr].filetype = 'markdown'
  vim.wo[window].statusline = '%#StatusLine# Answer: <CR> opens a passage, q closes%=%l,%c '
  for name, value in pairs(PROSE) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
  shown = { bufnr = bufnr, window = window }
  return shown
end

---@param bufnr integer
---@param page fovea.WrittenPage
local function write(bufnr, page)
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, page.lines)
  vim.bo[bufnr].modifiable = false
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  for line in pairs(page.quiet) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, line - 1, 0, { end_row = line, hl_group = 'Comment', strict = false })
  end
  for line, link in pairs(page.links) do
    local look = { end_col = link.last, hl_group = 'Directory', priority = 5000 }
    vim.api.nvim_buf_set_extmark(bufnr, namespace, line - 1, link.first, look)
  end
end

--- Shows an answer, with the cursor on its question.
---@param question string
---@param written fovea.WrittenAnswer
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.open(question, written, encoding)
  -- Marks of an earlier question would hide those of the passages.
  ask.forget()
  local page, view = M.page(question, written), enter()
  write(view.bufnr, page)
  local rows = vim.api.nvim_win_text_height(view.window, {}).all
  vim.api.nvim_win_set_height(view.window, math.max(1, math.min(rows, math.floor(vim.o.lines / 2))))
  vim.api.nvim_win_set_cursor(view.window, { 1, 0 })
  vim.keymap.set('n', '<CR>', function()
    local passage = page.passages[vim.api.nvim_win_get_cursor(0)[1]]
    if passage then
      go(passage, encoding)
    end
  end, { buffer = view.bufnr, nowait = true, desc = 'Fovea: go to the passage' })
  vim.keymap.set('n', 'q', function()
    vim.api.nvim_buf_delete(view.bufnr, { force = true })
  end, { buffer = view.bufnr, nowait = true, desc = 'Fovea: close the answer' })
end

---@type fun()? cancels the pending question
local cancel

local WHAT = { working = 'Writing an answer …', canceled = 'Fovea: answer canceled' }

--- Shows the answer of the server, or says why there is none.
---@param question string
---@param answer { written?: fovea.WrittenAnswer, notes?: string[] }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function show(question, answer, encoding)
  for _, note in ipairs(answer.notes or {}) do
    vim.notify('Fovea: ' .. note)
  end
  local written = answer.written
  if type(written) ~= 'table' then
    vim.notify('Fovea: nothing here answers that')
  elseif #written.sentences == 0 then
    vim.notify(('Fovea: %s wrote nothing'):format(written.model))
  else
    M.open(question, written, encoding)
  end
end

--- Lets the model write an answer to a question. A new question cancels the last one.
---@param question string
---@param uri? string the only document that may answer
local function request(question, uri)
  local ours = client.get(0) or client.get()
  if cancel then
    cancel()
  end
  cancel = progress.run(WHAT, 'fovea.ask', { { question = question, uri = uri, write = true } }, function(err, answer)
    cancel = nil
    if err then
      vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
    elseif ours and type(answer) == 'table' then
      show(question, answer, ours.offset_encoding)
    end
  end)
end

--- Writes an answer to a question; without one, the user enters it.
---@param question string
---@param alone boolean only the current document may answer
function M.run(question, alone)
  local uri = alone and vim.uri_from_bufnr(0) or nil
  if vim.trim(question) ~= '' then
    request(vim.trim(question), uri)
    return
  end
  local status = require('fovea.status').get()
  if status and status.writes == false then
    vim.notify('Fovea: no model here writes text; name one in the setting model.generator, such as a GGUF file of Gemma 3 270M', vim.log.levels.WARN)
    return
  end
  vim.ui.input({ prompt = 'Question: ' }, function(typed)
    if typed and vim.trim(typed) ~= '' then
      request(vim.trim(typed), uri)
    end
  end)
end

return M
