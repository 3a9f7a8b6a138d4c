--- Why two passages are similar: both side by side, and as the cursor rests on a word of one, its partners light up on the other.
---
--- The pairs of words are an exact split of the cosine; the brighter a partner, the more of the cosine the two make together.
local client = require('fovea.client')
local colors = require('fovea.colors')
local places = require('fovea.places')
local position = require('fovea.position')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_compare')

--- A partner with less than this share of the strongest one is noise.
local WORTH = 0.08

---@class fovea.Passage a passage as it is asked about and shown
---@field text string[]
---@field language string
---@field filetype string
---@field uri string
---@field row integer line of the document that it starts on, from zero
---@field name string

---@class fovea.Word
---@field row integer
---@field from integer
---@field stop integer row of the end
---@field to integer
---@field text string
---@field score number share of the cosine

---@class fovea.Side
---@field passage fovea.Passage
---@field words fovea.Word[]
---@field bufnr integer
---@field window integer

---@param uri string
---@return string filetype
local function filetype(uri)
  local bufnr = vim.uri_to_bufnr(uri)
  local known = vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype or ''
  return known ~= '' and known or vim.filetype.match({ filename = vim.uri_to_fname(uri) }) or ''
end

--- The text of a range, from the editor or from the file.
---@param range { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return fovea.Passage
function M.passage(range, encoding)
  local lines = places.lines(range.uri, range.range.start.line, range.range['end'].line + 1)
  local found = filetype(range.uri)
  local text = position.cut(lines, range.range, encoding)
  return {
    text = text,
    -- The server knows Neovim's names of languages beside those of LSP.
    language = found ~= '' and found or 'plaintext',
    filetype = found,
    uri = range.uri,
    row = range.range.start.line,
    name = range.name or '',
  }
end

---@param words table[]
---@return fovea.Word[]
local function placed(words)
  return vim.tbl_map(function(word)
    return {
      row = word.start.line,
      from = word.start.column,
      stop = word['end'].line,
      to = word['end'].column,
      text = word.text,
      score = word.score,
    }
  end, words)
end

--- Levels of heat for the shares of words, as fovea/heat has them: 4 is the average, 8 twice that.
---@param words fovea.Word[]
---@return integer[]
local function levels(words)
  local sum = 0
  for _, word in ipairs(words) do
    sum = sum + math.max(word.score, 0)
  end
  return vim.tbl_map(function(word)
    if word.score <= 0 or sum == 0 then
      return 0
    end
    local level = math.floor(4 + 4 * math.log(word.score * #words / sum) / math.log(2) + 0.5)
    return math.max(0, math.min(colors.levels, level))
  end, words)
end

---@param side fovea.Side
---@param word fovea.Word
---@param group string
---@param priority integer
local function mark(side, word, group, priority)
  vim.api.nvim_buf_set_extmark(side.bufnr, M.namespace, word.row, word.from, {
    end_row = word.stop,
    end_col = word.to,
    hl_group = group,
    priority = priority,
    strict = false,
  })
end

---@param side fovea.Side
---@param weights integer[] a level a word, 0 for none
local function paint(side, weights)
  vim.api.nvim_buf_clear_namespace(side.bufnr, M.namespace, 0, -1)
  for i, level in ipairs(weights) do
    if level > 0 then
      mark(side, side.words[i], 'FoveaHeat' .. level, 110)
    end
  end
end

---@param side fovea.Side
---@param row integer
---@param column integer
---@return integer? index
local function word_at(side, row, column)
  for i, word in ipairs(side.words) do
    local after = row > word.row or (row == word.row and column >= word.from)
    local before = row < word.stop or (row == word.stop and column < word.to)
    if after and before then
      return i
    end
  end
end

---@class fovea.Comparison
---@field sides fovea.Side[]
---@field pairs number[][]
---@field header integer
---@field origin integer the window it was opened from
---@field closed? boolean

--- What a word of one side makes together with each of the other.
---@param view fovea.Comparison
---@param from integer side
---@param index integer word
---@return number[]
local function partners(view, from, index)
  local other = view.sides[3 - from].words
  local shares = {}
  for j = 1, #other do
    shares[j] = from == 1 and view.pairs[index][j] or view.pairs[j][index]
  end
  return shares
end

---@param shares number[]
---@return integer[] order of the best, best first
local function best(shares, count)
  local order = vim.tbl_filter(function(j)
    return shares[j] > 0
  end, vim.fn.range(1, #shares))
  table.sort(order, function(a, b)
    return shares[a] > shares[b]
  end)
  return vim.list_slice(order, 1, count)
end

---@param view fovea.Comparison
---@param line string
local function say(view, line)
  local row = vim.api.nvim_buf_line_count(view.header) - 1
  vim.bo[view.header].modifiable = true
  vim.api.nvim_buf_set_lines(view.header, row, -1, false, { ' ' .. line:gsub('%s+', ' ') })
  vim.bo[view.header].modifiable = false
end

--- Lights the partners of the word under the cursor; without one both sides show what each word brings to the cosine.
---@param view fovea.Comparison
---@param from integer
local function follow(view, from)
  local side, other = view.sides[from], view.sides[3 - from]
  local cursor = vim.api.nvim_win_get_cursor(side.window)
  local index = word_at(side, cursor[1] - 1, cursor[2])
  paint(side, levels(side.words))
  if not index then
    paint(other, levels(other.words))
    say(view, 'move onto a word, and its partners light up')
    return
  end
  local shares = partners(view, from, index)
  local order = best(shares, 4)
  local most = order[1] and shares[order[1]] or 0
  paint(
    other,
    vim.tbl_map(function(share)
      return most > 0 and share >= WORTH * most and math.max(1, math.floor(colors.levels * share / most + 0.5)) or 0
    end, shares)
  )
  mark(side, side.words[index], 'FoveaFocus', 150)
  local named = vim.tbl_map(function(j)
    return ('%s %.3f'):format(other.words[j].text, shares[j])
  end, order)
  local word = side.words[index]
  say(view, ('%s brings %.3f of the cosine, most of it with %s'):format(word.text, word.score, table.concat(named, ' · ')))
  if order[1] then
    mark(other, other.words[order[1]], 'FoveaFocus', 150)
    -- So that it is on screen, and that the other side starts from it.
    vim.api.nvim_win_set_cursor(other.window, { other.words[order[1]].row + 1, other.words[order[1]].from })
  end
end

--- The lines over the two passages.
---@param answer table the JSON of `fovea compare`
---@return string[]
function M.header(answer)
  local filled = math.floor(20 * math.max(0, math.min(1, answer.cosine)) + 0.5)
  local lines = {
    (' cosine %.3f  %s%s  residual %.0e'):format(answer.cosine, ('█'):rep(filled), ('░'):rep(20 - filled), answer.residual),
  }
  if type(answer.centred) == 'table' then
    local own = answer.centred
    local line = (' without what the languages have in common %.3f · languages %.3f'):format(own.cosine, own.common)
    if math.abs(own.similarity - own.cosine) > 5e-4 then
      line = line .. (' · similarity %.3f'):format(own.similarity)
    end
    table.insert(lines, line)
  end
  table.insert(lines, '')
  return lines
end

---@param view fovea.Comparison
local function close(view)
  if view.closed then
    return
  end
  view.closed = true
  if vim.api.nvim_win_is_valid(view.origin) then
    vim.api.nvim_set_current_win(view.origin)
  end
  for _, bufnr in ipairs({ view.header, view.sides[1].bufnr, view.sides[2].bufnr }) do
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.api.nvim_buf_delete(bufnr, { force = true })
    end
  end
end

---@param lines string[]
---@return integer
local function scratch(lines)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false
  return bufnr
end

---@param window integer
---@param options table<string, any>
local function dress(window, options)
  local all = {
    wrap = false,
    number = false,
    relativenumber = false,
    signcolumn = 'no',
    foldenable = false,
    cursorline = false,
    list = false,
    spell = false,
    fillchars = 'eob: ',
  }
  for name, value in pairs(vim.tbl_extend('force', all, options)) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

--- Colours as the editor has them for the language, without the autocommands of a file of it: nothing else shall attach here.
---@param side fovea.Side
local function highlight_syntax(side)
  local name = side.passage.filetype
  if name == '' then
    return
  end
  local language = vim.treesitter.language.get_lang(name) or name
  if not (pcall(vim.treesitter.query.get, language, 'highlights') and pcall(vim.treesitter.start, side.bufnr, language)) then
    vim.bo[side.bufnr].syntax = name
  end
end

---@param view fovea.Comparison
---@param number integer
---@param window integer
local function show_side(view, number, window)
  local side = view.sides[number]
  side.window = window
  vim.api.nvim_win_set_buf(window, side.bufnr)
  local where = ('%s:%d'):format(places.path(side.passage.uri), side.passage.row + 1)
  local title = side.passage.name ~= '' and side.passage.name .. ' · ' .. where or where
  dress(window, {
    winbar = ' ' .. title:gsub('%%', '%%%%'),
    statusline = number == 1 and ' Fovea: why these two are similar' or '%= <Tab> other side · <CR> open · q close ',
    -- Lines are numbered as in the file.
    statuscolumn = (" %%=%%{v:virtnum == 0 ? v:lnum + %d : ''} "):format(side.passage.row),
    number = true,
  })
  highlight_syntax(side)
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'BufEnter' }, {
    buffer = side.bufnr,
    callback = function()
      if not view.closed and vim.api.nvim_get_current_win() == side.window then
        follow(view, number)
      end
    end,
  })
  vim.keymap.set('n', '<CR>', function()
    local row = side.passage.row + vim.api.nvim_win_get_cursor(side.window)[1] - 1
    close(view)
    local start = { line = row, character = 0 }
    vim.lsp.util.show_document({ uri = side.passage.uri, range = { start = start, ['end'] = start } }, 'utf-8', { focus = true })
  end, { buffer = side.bufnr, desc = 'Fovea: open this passage' })
  vim.keymap.set('n', '<Tab>', function()
    vim.api.nvim_set_current_win(view.sides[3 - number].window)
  end, { buffer = side.bufnr, desc = 'Fovea: the other side' })
end

--- Shows a comparison in a tab page of its own; `q` closes it.
---@param answer table the JSON of `fovea compare`, with places inside the passages
---@param left fovea.Passage
---@param right fovea.Passage
---@return fovea.Comparison
function M.open(answer, left, right)
  local view = {
    origin = vim.api.nvim_get_current_win(),
    pairs = answer.pairs,
    header = scratch(M.header(answer)),
    sides = {
      { passage = left, words = placed(answer.a.words), bufnr = scratch(left.text) },
      { passage = right, words = placed(answer.b.words), bufnr = scratch(right.text) },
    },
  }
  vim.cmd('tab split')
  local top = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(top, view.header)
  dress(top, { winfixheight = true, winbar = '', statusline = ' ' })
  local first = vim.api.nvim_open_win(view.sides[1].bufnr, true, { split = 'below', win = top })
  local beside = vim.o.columns >= 80
  local second = vim.api.nvim_open_win(view.sides[2].bufnr, false, { split = beside and 'right' or 'below', win = first })
  vim.api.nvim_win_set_height(top, vim.api.nvim_buf_line_count(view.header))
  show_side(view, 1, first)
  show_side(view, 2, second)
  for _, bufnr in ipairs({ view.header, view.sides[1].bufnr, view.sides[2].bufnr }) do
    vim.keymap.set('n', 'q', function()
      close(view)
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: close the comparison' })
    -- One without the others says nothing.
    vim.api.nvim_create_autocmd('BufWinLeave', {
      buffer = bufnr,
      callback = vim.schedule_wrap(function()
        close(view)
      end),
    })
  end
  vim.api.nvim_buf_set_extmark(view.header, M.namespace, 0, 0, { end_row = 1, hl_group = 'Title' })
  -- The word that brings the most, so that the first sight shows what there is to see.
  local word = view.sides[1].words[best(
    vim.tbl_map(function(w)
      return w.text:find('%w') and w.score or 0
    end, view.sides[1].words),
    1
  )[1] or 1]
  if word then
    vim.api.nvim_win_set_cursor(first, { word.row + 1, word.from })
  end
  vim.api.nvim_set_current_win(first)
  follow(view, 1)
  return view
end

--- Asks why two passages are similar, and shows it.
---@param a { uri: string, range: lsp.Range, name?: string }
---@param b { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.run(a, b, encoding)
  local left, right = M.passage(a, encoding), M.passage(b, encoding)
  -- As texts: one of them may stand in a file that is not open, and an edit meanwhile moves no word of what is shown.
  local arguments = vim.tbl_map(function(passage)
    return { text = table.concat(passage.text, '\n'), language = passage.language }
  end, { left, right })
  client.execute('fovea.comparePassages', arguments, function(answer)
    if type(answer) == 'table' then
      M.open(answer, left, right)
    end
  end)
end

return M
