--- Why two passages are similar: a sentence and the words they share, then both side by side. On a word its partners on the other side
--- light up.
---
--- The totals of all words come at once. What one word makes together with those of the other side is asked for when the cursor rests on
--- it; a server that is older sends the whole matrix instead.
local client = require('fovea.client')
local contrast = require('fovea.contrast')
local places = require('fovea.places')
local position = require('fovea.position')

local M = {}

M.namespace = vim.api.nvim_create_namespace('fovea_compare')

--- A partner with less than this share of the strongest one is noise.
local WORTH = 0.12

--- Milliseconds that the cursor rests before a row is asked for, and after which a comparison shows that it is under way.
local REST, PATIENCE = 40, 300

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
---@field is_weak? fovea.Weak

---@class fovea.Comparison
---@field answer table
---@field sides fovea.Side[]
---@field rows table<string, number[]> what a word makes with each of the other side, by side and index
---@field header integer
---@field top integer the window of the header
---@field message string
---@field details boolean
---@field origin integer the window it was opened from
---@field pending? fun() cancels the request for a row
---@field closed? boolean

---@param uri string
---@return string filetype
local function filetype(uri)
  local bufnr = vim.uri_to_bufnr(uri)
  local known = vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype or ''
  return known ~= '' and known or vim.filetype.match({ filename = vim.uri_to_fname(uri) }) or ''
end

--- The text of a range, from the editor or from the file, without the indentation that all lines have in common.
---@param range { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return fovea.Passage
function M.passage(range, encoding)
  local lines = places.lines(range.uri, range.range.start.line, range.range['end'].line + 1)
  local found = filetype(range.uri)
  local text = position.dedent(position.cut(lines, range.range, encoding))
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

---@param share number of the largest, up to 1
---@return integer tone
local function tone(share)
  return share >= 0.6 and 3 or share >= 0.3 and 2 or 1
end

--- The words that say why the two are similar: those that the server names, or those that bring the most.
---@param view fovea.Comparison
---@param number integer side
---@return table<integer, integer> tone by word
local function telling(view, number)
  local side, tones = view.sides[number], {}
  local shared = view.answer.shared
  if type(shared) == 'table' then
    local most = shared[1] and shared[1].score or 0
    for _, entry in ipairs(shared) do
      for _, index in ipairs(entry[number == 1 and 'a' or 'b']) do
        local found = most > 0 and tone(entry.score / most) or 1
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
      tones[i] = tone(word.score / most)
    end
  end
  return tones
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
---@param tones table<integer, integer>
local function paint(side, tones)
  vim.api.nvim_buf_clear_namespace(side.bufnr, M.namespace, 0, -1)
  for i, strength in pairs(tones) do
    local word = side.words[i]
    if word then
      local weak = side.is_weak and side.is_weak(word.row, word.from, strength)
      mark(side, word, (weak and 'FoveaHeatText' or 'FoveaHeat') .. strength, 110)
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

---@param shares number[]
---@param count integer
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

--- A number of the answer, nil where the server does not tell it.
---@param value any
---@return number?
local function number_or_nil(value)
  return type(value) == 'number' and value or nil
end

--- What is behind "Details", a line each.
---@param answer table the JSON of `fovea compare`
---@return string[]
function M.details(answer)
  local lines = { ('cosine %.3f · residual of the split %.0e'):format(answer.cosine, answer.residual or 0) }
  if type(answer.centered) == 'table' then
    local own = answer.centered
    local line = ('without what the languages have in common %.3f · languages %.3f'):format(own.cosine, own.common)
    if math.abs(own.similarity - own.cosine) > 5e-4 then
      line = line .. (' · similarity %.3f'):format(own.similarity)
    end
    table.insert(lines, line)
  end
  local parts = {}
  for _, side in ipairs({ { 'left', answer.a }, { 'right', answer.b } }) do
    local special, bias = number_or_nil(side[2].special), number_or_nil(side[2].bias)
    if special and bias then
      table.insert(parts, ('%s: special tokens %.3f, biases %.3f'):format(side[1], special, bias))
    end
  end
  if #parts > 0 then
    table.insert(lines, table.concat(parts, ' · '))
  end
  return lines
end

--- As many of the parts as fit into a line; at least one.
---@param start string
---@param parts string[]
---@return string
local function fitting(start, parts)
  local line = start
  for i, part in ipairs(parts) do
    local longer = line .. (i > 1 and ' · ' or '') .. part
    if i > 1 and vim.fn.strdisplaywidth(longer) > vim.o.columns - 2 then
      break
    end
    line = longer
  end
  return line
end

--- The lines over the two passages: what they share first, numbers folded.
---@param view { answer: table, message: string, details: boolean }
---@return string[]
function M.header(view)
  local answer = view.answer
  local similarity = type(answer.centered) == 'table' and answer.centered.similarity or answer.cosine
  local filled = math.floor(10 * math.max(0, math.min(1, similarity)) + 0.5)
  local lines = {}
  if type(answer.summary) == 'string' and answer.summary ~= '' then
    table.insert(lines, ' ' .. answer.summary:gsub('%s+', ' '))
  end
  local shared, seen = {}, {}
  for _, entry in ipairs(type(answer.shared) == 'table' and answer.shared or {}) do
    if not seen[entry.text] and #shared < 8 then
      seen[entry.text] = true
      table.insert(shared, (entry.text:gsub('%s+', ' ')))
    end
  end
  local line = (' similar %.2f %s%s'):format(similarity, ('█'):rep(filled), ('░'):rep(10 - filled))
  table.insert(lines, #shared > 0 and fitting(line .. '  shared: ', shared) or line)
  table.insert(lines, ' ' .. view.message:gsub('%s+', ' '))
  if view.details then
    table.insert(lines, ' ▾ Details')
    for _, detail in ipairs(M.details(answer)) do
      table.insert(lines, '   ' .. detail)
    end
  else
    table.insert(lines, ' ▸ Details (d)')
  end
  return lines
end

--- Writes the header, and gives its window the height that it needs.
---@param view fovea.Comparison
local function write_header(view)
  if view.closed or not vim.api.nvim_buf_is_valid(view.header) then
    return
  end
  local lines = M.header(view)
  vim.bo[view.header].modifiable = true
  vim.api.nvim_buf_set_lines(view.header, 0, -1, false, lines)
  vim.bo[view.header].modifiable = false
  vim.api.nvim_buf_clear_namespace(view.header, M.namespace, 0, -1)
  for i, line in ipairs(lines) do
    local group = i == 1 and 'Title' or line:find('^ [▸▾]') and 'Comment' or nil
    if group then
      vim.api.nvim_buf_set_extmark(view.header, M.namespace, i - 1, 0, { end_col = #line, hl_group = group })
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
    write_header(view)
  end
end

---@param side fovea.Side
---@param word fovea.Word
---@return string
local function named(side, word)
  return ('%s (line %d)'):format(word.text, side.passage.row + word.row + 1)
end

--- Lights the partners of a word.
---@param view fovea.Comparison
---@param from integer side
---@param index integer word
---@param shares number[]
local function light(view, from, index, shares)
  local side, other = view.sides[from], view.sides[3 - from]
  local order = best(shares, 12)
  local most = order[1] and shares[order[1]] or 0
  local tones = {}
  for _, j in ipairs(order) do
    if shares[j] >= WORTH * most then
      tones[j] = tone(shares[j] / most)
    end
  end
  paint(side, telling(view, from))
  paint(other, tones)
  local word = side.words[index]
  mark(side, word, 'FoveaFocus', 150)
  if order[1] then
    mark(other, other.words[order[1]], 'FoveaFocus', 150)
  end
  local texts = {}
  for i = 1, math.min(4, #order) do
    -- What brings hardly anything is lit, but not named.
    if shares[order[i]] >= 0.2 * most then
      local partner = other.words[order[i]]
      table.insert(texts, view.details and ('%s %.3f'):format(named(other, partner), shares[order[i]]) or named(other, partner))
    end
  end
  local much = view.details and (' brings %.3f and'):format(word.score) or ''
  if #texts == 0 then
    say(view, ('%s%s has no partner on the other side'):format(word.text, much))
  else
    say(view, fitting(('%s%s goes with '):format(word.text, much), texts))
  end
end

---@param view fovea.Comparison
---@return table[] arguments
local function arguments(view)
  return vim.tbl_map(function(side)
    return { text = table.concat(side.passage.text, '\n'), language = side.passage.language }
  end, view.sides)
end

--- What a word of one side makes together with each of the other, at once where it is known.
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

--- Lights the partners of the word under the cursor; without one both sides show what they share.
---@param view fovea.Comparison
---@param from integer
local function follow(view, from)
  local side = view.sides[from]
  local cursor = vim.api.nvim_win_get_cursor(side.window)
  local index = word_at(side, cursor[1] - 1, cursor[2])
  if not index then
    if view.pending then
      view.pending()
      view.pending = nil
    end
    paint(view.sides[1], telling(view, 1))
    paint(view.sides[2], telling(view, 2))
    say(view, 'Move onto a word to see its partners.')
    return
  end
  row_of(view, from, index, function(shares)
    -- The cursor may have moved on meanwhile.
    local now = vim.api.nvim_win_is_valid(side.window) and vim.api.nvim_win_get_cursor(side.window)
    if now and vim.api.nvim_get_current_win() == side.window and word_at(side, now[1] - 1, now[2]) == index then
      light(view, from, index, shares)
    end
  end)
end

---@param view fovea.Comparison
local function close(view)
  if view.closed then
    return
  end
  view.closed = true
  if view.pending then
    view.pending()
  end
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
    scrollbind = false,
    cursorbind = false,
    fillchars = 'eob: ',
  }
  for name, value in pairs(vim.tbl_extend('force', all, options)) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

--- Colors as the editor has them for the language, without the autocommands of a file of it: nothing else shall attach here.
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
  side.is_weak = contrast.of(side.bufnr, 0, #side.passage.text)
end

--- A title that fits: the name first, then the place, whose folders are cut.
---@param passage fovea.Passage
---@param width integer
---@return string
function M.title(passage, width)
  local path = places.path(passage.uri)
  local line = ':' .. passage.row + 1
  local name = passage.name ~= '' and passage.name .. ' · ' or ''
  local function shorten(text, room)
    if vim.fn.strdisplaywidth(text) <= room then
      return text
    end
    return '…' .. vim.fn.strcharpart(text, vim.fn.strchars(text) - math.max(1, room - 1))
  end
  if vim.fn.strchars(name) > math.floor(width / 2) then
    name = vim.fn.strcharpart(passage.name, 0, math.max(1, math.floor(width / 2) - 4)) .. '… · '
  end
  return name .. shorten(path, math.max(8, width - vim.fn.strdisplaywidth(name .. line))) .. line
end

--- The word of a side to begin with: the first that both share, else the one that brings the most.
---@param view fovea.Comparison
---@return fovea.Word?
local function first_word(view)
  local words = view.sides[1].words
  local shared = type(view.answer.shared) == 'table' and view.answer.shared[1]
  if shared and shared.a[1] and words[shared.a[1] + 1] then
    return words[shared.a[1] + 1]
  end
  local scores = vim.tbl_map(function(word)
    return word.text:find('%w') and word.score or 0
  end, words)
  return words[best(scores, 1)[1] or 1]
end

---@param view fovea.Comparison
---@param number integer
---@param window integer
local function show_side(view, number, window)
  local side = view.sides[number]
  side.window = window
  vim.api.nvim_win_set_buf(window, side.bufnr)
  local title = M.title(side.passage, vim.api.nvim_win_get_width(window) - 2)
  dress(window, {
    winbar = ' ' .. title:gsub('%%', '%%%%'),
    statusline = number == 1 and ' Fovea: why these two are similar' or '%= <Tab> other side · <CR> open · d details · q close ',
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
    local other = view.sides[3 - number]
    vim.api.nvim_set_current_win(other.window)
    -- Onto the strongest partner, so that the eye need not look for it.
    for _, extmark in ipairs(vim.api.nvim_buf_get_extmarks(other.bufnr, M.namespace, 0, -1, { details = true })) do
      if extmark[4].hl_group == 'FoveaFocus' then
        vim.api.nvim_win_set_cursor(other.window, { extmark[2] + 1, extmark[3] })
        break
      end
    end
  end, { buffer = side.bufnr, desc = 'Fovea: the other side' })
end

--- Shows a comparison in a tab page of its own; `q` closes it.
---@param answer table the JSON of `fovea compare`, with places inside the passages
---@param left fovea.Passage
---@param right fovea.Passage
---@return fovea.Comparison
function M.open(answer, left, right)
  ---@type fovea.Comparison
  local view = {
    answer = answer,
    rows = {},
    message = 'Move onto a word to see its partners.',
    details = false,
    origin = vim.api.nvim_get_current_win(),
    header = scratch({}),
    top = 0,
    sides = {
      { passage = left, words = placed(answer.a.words), bufnr = scratch(left.text), window = 0 },
      { passage = right, words = placed(answer.b.words), bufnr = scratch(right.text), window = 0 },
    },
  }
  vim.cmd('tab split')
  view.top = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(view.top, view.header)
  dress(view.top, { winfixheight = true, winbar = '', statusline = ' ', wrap = true, linebreak = true })
  local first = vim.api.nvim_open_win(view.sides[1].bufnr, true, { split = 'below', win = view.top })
  local beside = vim.o.columns >= 80
  local second = vim.api.nvim_open_win(view.sides[2].bufnr, false, { split = beside and 'right' or 'below', win = first })
  write_header(view)
  show_side(view, 1, first)
  show_side(view, 2, second)
  local function toggle_details()
    view.details = not view.details
    write_header(view)
    for number, side in ipairs(view.sides) do
      if vim.api.nvim_get_current_win() == side.window then
        follow(view, number)
      end
    end
  end
  for _, bufnr in ipairs({ view.header, view.sides[1].bufnr, view.sides[2].bufnr }) do
    vim.keymap.set('n', 'q', function()
      close(view)
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: close the comparison' })
    vim.keymap.set('n', 'd', toggle_details, { buffer = bufnr, nowait = true, desc = 'Fovea: show or hide the numbers' })
    -- One without the others says nothing.
    vim.api.nvim_create_autocmd('BufWinLeave', {
      buffer = bufnr,
      callback = vim.schedule_wrap(function()
        close(view)
      end),
    })
  end
  vim.keymap.set('n', '<CR>', toggle_details, { buffer = view.header, desc = 'Fovea: show or hide the numbers' })
  local word = first_word(view)
  if word then
    vim.api.nvim_win_set_cursor(first, { word.row + 1, word.from })
  end
  vim.api.nvim_set_current_win(first)
  paint(view.sides[1], telling(view, 1))
  paint(view.sides[2], telling(view, 2))
  follow(view, 1)
  return view
end

--- A small window that says what is under way, and takes the keys that cancel it.
---@param text string
---@param cancel fun()
---@return { say: fun(text: string), close: fun() }
local function waiting(text, cancel)
  local bufnr = scratch({ '' })
  local width = math.min(70, vim.o.columns - 4)
  local window = vim.api.nvim_open_win(bufnr, true, {
    relative = 'editor',
    row = math.floor(vim.o.lines / 2) - 2,
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = width,
    height = 2,
    style = 'minimal',
    border = 'rounded',
    title = ' Fovea ',
  })
  local shown = {}
  function shown.say(line)
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.bo[bufnr].modifiable = true
      vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { ' ' .. vim.fn.strcharpart(line, 0, width - 2), ' q, <Esc> or CTRL-C cancels' })
      vim.bo[bufnr].modifiable = false
    end
  end
  function shown.close()
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_close(window, true)
    end
  end
  for _, key in ipairs({ 'q', '<Esc>', '<C-c>' }) do
    vim.keymap.set('n', key, function()
      shown.close()
      cancel()
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: cancel' })
  end
  shown.say(text)
  return shown
end

local tokens = 0

--- Asks why two passages are similar, and shows it. Where that takes long, a window says so and can cancel it.
---@param a { uri: string, range: lsp.Range, name?: string }
---@param b { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.run(a, b, encoding)
  local left, right = M.passage(a, encoding), M.passage(b, encoding)
  local origin = vim.api.nvim_get_current_win()
  tokens = tokens + 1
  local token = ('fovea-compare-%d'):format(tokens)
  local what = left.name ~= '' and right.name ~= '' and ('Comparing %s with %s …'):format(left.name, right.name)
    or 'Comparing the two passages …'
  local done, wait, cancel = false, nil, nil
  local progress = vim.api.nvim_create_autocmd('LspProgress', {
    callback = function(event)
      local params = event.data.params or event.data.result or {}
      local value = params.token == token and params.value or {}
      if wait and (value.message or value.percentage) then
        wait.say(('%s %s%s'):format(what, value.message or '', value.percentage and (' %d %%'):format(value.percentage) or ''))
      end
    end,
  })
  local function finish()
    done = true
    pcall(vim.api.nvim_del_autocmd, progress)
    if wait then
      wait.close()
      if vim.api.nvim_win_is_valid(origin) then
        vim.api.nvim_set_current_win(origin)
      end
    end
  end
  -- As texts: one of them may stand in a file that is not open, and an edit meanwhile moves no word of what is shown.
  local passages = vim.tbl_map(function(passage)
    return { text = table.concat(passage.text, '\n'), language = passage.language }
  end, { left, right })
  local function ask(options)
    local all = vim.list_extend(vim.list_slice(passages), { options })
    cancel = client.command('fovea.comparePassages', all, { workDoneToken = token }, function(err, answer)
      if done then
        return
      end
      -- An older server takes two arguments and answers with the whole matrix.
      if err and options and err.code == vim.lsp.protocol.ErrorCodes.InvalidParams then
        ask(nil)
        return
      end
      finish()
      if err then
        vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
      elseif type(answer) == 'table' then
        M.open(answer, left, right)
      end
    end)
  end
  ask({ pairs = false })
  if not cancel then
    finish()
    return
  end
  vim.defer_fn(function()
    if not done then
      wait = waiting(what, function()
        finish()
        if cancel then
          cancel()
        end
        vim.notify('Fovea: comparison canceled')
      end)
    end
  end, PATIENCE)
end

return M
