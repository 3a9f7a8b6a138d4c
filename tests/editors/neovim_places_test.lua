-- Search, similar items and comparison in Neovim: nvim --clean --headless -l FILE FOVEA
--
-- The file is one session: the tests run in order and depend on earlier ones.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

local config_file

test('the folder is indexed while one file is open', function()
  configure()
  config_file = open('src/config.rs')
  record(wait('a client', client))
  indexed()
  local from = #notices + 1
  vim.cmd.FoveaStatus()
  assert(noticed(from):find('index: up to date, %d+ items'), noticed(from))
end)

if h.failures() > 0 then
  finish()
end

test('the statusline shows the progress of the index until it is complete', function()
  local before = status()
  local context = { client_id = client().id, method = 'fovea/status' }
  local index = { state = 'indexing', items = 120, done = 34, total = 560, refused = {} }
  require('fovea.status').handler(nil, vim.tbl_extend('force', before, { index = index }), context)
  assert(fovea.status(config_file):find('indexing 34/560', 1, true), fovea.status(config_file))
  require('fovea.status').handler(nil, before, context)
  assert(not fovea.status(config_file):find('indexing', 1, true), fovea.status(config_file))
end)

local function listed()
  return wait('a location list', function()
    local list = vim.fn.getloclist(0, { title = 0, items = 0, size = 0 })
    return list.size > 0 and list
  end)
end

test(':FoveaSearch lists items by meaning, in files that are not open', function()
  vim.cmd.FoveaSearch('middle of a sorted list of numbers')
  wait('the window of the list', function()
    return vim.bo.buftype == 'quickfix'
  end)
  local list = listed()
  equal(list.title, 'About middle of a sorted list of numbers', 'title')
  assert(list.items[1].text:find('^≈ 0%.%d%d median$'), list.items[1].text)
  assert(vim.api.nvim_buf_get_name(list.items[1].bufnr):find('tools/preferences.py$'), vim.inspect(list.items[1]))
  assert(not vim.api.nvim_buf_is_loaded(list.items[1].bufnr), 'the file was opened by the search')
  vim.cmd('normal! \r')
  wait('the cursor on median', function()
    return vim.api.nvim_buf_get_name(0):find('preferences.py$')
      and vim.fn.expand('<cword>') == 'median'
  end)
  vim.cmd.lclose()
  vim.cmd.buffer(config_file)
end)

test(':Fovea ask lists answers, and marks the answer and its most important words', function()
  vim.cmd('Fovea ask how is the median of numbers computed?')
  wait('the window of the list', function()
    return vim.bo.buftype == 'quickfix'
  end)
  local list = listed()
  equal(list.title, 'how is the median of numbers computed?', 'title')
  assert(list.items[1].text:find('def median%(numbers'), list.items[1].text)
  vim.cmd('normal! \r')
  local marks = wait('marks of the answer', function()
    local found = vim.api.nvim_buf_get_extmarks(0, require('fovea.ask').namespace, 0, -1, { details = true })
    return #found > 1 and found
  end)
  local words = {}
  for _, mark in ipairs(marks) do
    if mark[4].hl_group == 'FoveaAnswerWord' then
      table.insert(words, vim.api.nvim_buf_get_text(0, mark[2], mark[3], mark[4].end_row, mark[4].end_col, {})[1])
    end
  end
  assert(vim.tbl_contains(words, 'median'), vim.inspect(words))
  -- On the marked answer, its words are judged.
  vim.cmd.Fovea('trust')
  local text = float_text('the verdict')
  assert(text:find('How far the score of the answer falls:', 1, true) and text:find('^Removing'), text)
  close_floats()
  vim.cmd.lclose()
  vim.cmd.buffer(config_file)
end)

test(':Fovea ask says if there is no answer', function()
  local from = #notices + 1
  vim.cmd("Fovea ask Which treaty ended the Thirty Years' War?")
  wait('the notice', function()
    return noticed(from):find('nothing here answers that', 1, true)
  end)
end)

local QUESTION = 'how is the median of numbers computed?'

--- The window of a written answer.
local function answered()
  return wait('the answer', function()
    local bufnr = vim.api.nvim_get_current_buf()
    return vim.bo[bufnr].buftype == 'nofile' and lines_of(bufnr)[1] == '# ' .. QUESTION and vim.api.nvim_get_current_win()
  end)
end

test(':FoveaAnswer says what to set if no model writes', function()
  local from = #notices + 1
  vim.cmd.FoveaAnswer(QUESTION)
  wait('the notice', function()
    return noticed(from):find('writes no text; set fovea.model.generator', 1, true)
  end)
  equal(#vim.api.nvim_list_wins(), 1, 'windows')
  -- Nobody types a question for a model that writes nothing.
  from = #notices + 1
  local input = vim.ui.input
  vim.ui.input = function()
    error('asked for a question')
  end
  local ok, problem = pcall(vim.cmd.FoveaAnswer)
  vim.ui.input = input
  assert(ok, problem)
  wait('the notice without a question', function()
    return noticed(from):find('no model here writes text', 1, true)
  end)
end)

test(':Fovea ask says once that a model can write an answer', function()
  configure({ settings = { ['model.generator'] = root .. '/tests/fixtures/tiny-chat' } })
  for _, expected in ipairs({ true, false }) do
    local from = #notices + 1
    vim.cmd.FoveaAsk(QUESTION)
    wait('the notice', function()
      return noticed(from):find('median for median', 1, true)
    end)
    equal(noticed(from):find(':FoveaAnswer writes an answer', 1, true) ~= nil, expected, 'mention')
    vim.cmd.lclose()
    vim.cmd.buffer(config_file)
  end
end)

test(':Fovea answer shows what a model writes, with the passages that each sentence draws on', function()
  vim.cmd('Fovea answer ' .. QUESTION)
  answered()
  equal(vim.bo.filetype, 'markdown', 'filetype')
  local lines = lines_of(0)
  assert(lines[3] ~= '' and not lines[3]:find('likely', 1, true), vim.inspect(lines))
  assert(lines[4]:find('^  tools/preferences%.py:%d+%-%d+ · .* times less likely without it$'), vim.inspect(lines))
  assert(lines[#lines]:find('tiny-chat wrote this. Check it:', 1, true), vim.inspect(lines))
  assert(not vim.bo.modifiable, 'the answer can be edited')
end)

test('<CR> on a source of an answer opens the place in the previous window and marks it, and q closes the answer', function()
  local window = answered()
  vim.api.nvim_win_set_cursor(window, { 3, 0 })
  vim.api.nvim_feedkeys('\r', 'x', false)
  equal(vim.api.nvim_get_current_win(), window, 'window after <CR> on a sentence')
  local first, last = lines_of(0)[4]:match(':(%d+)%-(%d+) ')
  vim.api.nvim_win_set_cursor(window, { 4, 0 })
  vim.api.nvim_feedkeys('\r', 'x', false)
  assert(vim.api.nvim_get_current_win() ~= window and vim.api.nvim_win_is_valid(window), 'not the other window')
  assert(vim.api.nvim_buf_get_name(0):find('tools/preferences.py$'), vim.api.nvim_buf_get_name(0))
  equal(vim.api.nvim_win_get_cursor(0)[1], tonumber(first), 'line')
  local found = vim.api.nvim_buf_get_extmarks(0, require('fovea.ask').namespace, 0, -1, { details = true })
  equal(#found, 1, 'marks')
  equal(found[1][4].hl_group, 'FoveaAnswer', 'group')
  local stop = found[1][4]
  equal({ found[1][2] + 1, stop.end_col > 0 and stop.end_row + 1 or stop.end_row }, { tonumber(first), tonumber(last) }, 'marked lines')
  vim.api.nvim_set_current_win(window)
  vim.api.nvim_feedkeys('q', 'x', false)
  assert(not vim.api.nvim_win_is_valid(window), 'the answer is still open')
  vim.cmd.buffer(config_file)
end)

test(':FoveaAnswer! asks only this document, and says if nothing answers', function()
  local from = #notices + 1
  vim.cmd("FoveaAnswer! Which treaty ended the Thirty Years' War?")
  wait('the notice', function()
    return noticed(from):find('nothing here answers that', 1, true)
  end)
  vim.cmd('FoveaAnswer! how is a configuration file read?')
  wait('the answer', function()
    return lines_of(0)[1] == '# how is a configuration file read?'
  end)
  for _, line in ipairs(lines_of(0)) do
    assert(not line:find('less likely without it', 1, true) or line:find('  src/config.rs:', 1, true), line)
  end
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test(':FoveaAnswer without a question asks for one', function()
  local asked
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.ui.input = function(options, done)
    asked = options.prompt
    done(QUESTION)
  end
  vim.cmd.FoveaAnswer()
  answered()
  equal(asked, 'Question: ', 'prompt')
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test('a new question cancels the last one at the server', function()
  local notify, canceled = client().rpc.notify, 0
  client().rpc.notify = function(method, params)
    canceled = canceled + (method == '$/cancelRequest' and 1 or 0)
    return notify(method, params)
  end
  vim.cmd.FoveaAnswer('how is a configuration file read?')
  vim.cmd.FoveaAnswer(QUESTION)
  client().rpc.notify = notify
  equal(canceled, 1, 'cancellations')
  answered()
  vim.wait(300)
  answered()
  equal(#vim.api.nvim_list_wins(), 2, 'windows')
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test('sentences appear while the model writes, and a key or a new question cancels it', function()
  local command, asked, canceled = require('fovea.client').command, {}, 0
  require('fovea.client').command = function(_, _, more)
    table.insert(asked, more.workDoneToken)
    return function()
      canceled = canceled + 1
    end
  end
  local function say(token, message)
    local value = { kind = 'report', message = message, percentage = 100 }
    vim.api.nvim_exec_autocmds('LspProgress', { data = { client_id = client().id, params = { token = token, value = value } }, modeline = false })
    return table.concat(lines_of(vim.api.nvim_win_get_buf((float()))), '\n')
  end
  vim.cmd.FoveaAnswer(QUESTION)
  vim.cmd.FoveaAnswer(QUESTION)
  equal({ #asked, canceled }, { 2, 1 }, 'requests and cancellations after a new question')
  local window = wait('the window', function()
    return (float())
  end)
  local text = say(asked[2], 'It is the middle one.')
  assert(text:find('Writing an answer … It is the middle one.\n', 1, true) and text:find('cancels', 1, true), text)
  text = say(asked[1], 'An old sentence.')
  assert(not text:find('old', 1, true), text)
  local from = #notices + 1
  vim.api.nvim_feedkeys('q', 'x', false)
  equal({ #asked, canceled }, { 2, 2 }, 'requests and cancellations after the key')
  assert(not vim.api.nvim_win_is_valid(window), 'the window is still open')
  assert(noticed(from):find('answer canceled', 1, true), noticed(from))
  require('fovea.client').command = command
end)

test('a written answer says what it does not draw on, what it draws on only together, and that it is incomplete', function()
  local function passage(first, last)
    return { uri = vim.uri_from_fname(workspace .. '/a.md'), range = { start = { line = first, character = 0 }, ['end'] = { line = last, character = 0 } } }
  end
  local sentence = { text = 'So it is.', sources = {}, withoutAllTold = '1.2 times less likely' }
  local page = require('fovea.answer').page('Why?', { model = 'A model', sentences = { sentence }, passages = { passage(2, 5), passage(6, 7) }, cut = true })
  equal(page.lines, {
    '# Why?',
    '',
    'So it is.',
    '  from no single passage; without all of them 1.2 times less likely',
    '',
    'read and not used: a.md:3-5',
    'read and not used: a.md:7',
    'A model wrote this. Check it: a sentence that draws on a passage may still be wrong.',
    'The answer reached its maximum length, so its last sentence may be incomplete.',
  }, 'page')
  configure()
end)

test(':FoveaSearch without a query asks for one, lets the user choose, and opens the place', function()
  local asked
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.ui.input = function(options, done)
    asked = options.prompt
    done('draw how far a task has come')
  end
  picks.wanted = 'draw_progress_bar'
  vim.cmd.FoveaSearch()
  wait('the cursor on draw_progress_bar', function()
    return vim.fn.expand('<cword>') == 'draw_progress_bar'
  end)
  equal(asked, 'Search by meaning: ', 'prompt')
  assert(picks.offered[1]:find('draw_progress_bar · src/settings.rs:%d+'), picks.offered[1])
  vim.cmd.buffer(config_file)
end)

test(':FoveaSearch! with a query lets the user choose at once, and CTRL-O goes back', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'sum += a * b')
  local before = vim.api.nvim_win_get_cursor(0)
  picks.wanted = 'load_preferences'
  again('the cursor on load_preferences', function()
    vim.cmd('FoveaSearch! read preferences from a file')
  end, function()
    return vim.fn.expand('<cword>') == 'load_preferences'
  end)
  vim.cmd.execute([["normal! \<C-o>"]])
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
  equal(vim.api.nvim_win_get_cursor(0), before, 'cursor')
end)

test(':FoveaSimilar! lists similar items instead of asking', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'config.insert')
  vim.fn.setloclist(0, {}, 'f')
  again('the list', function()
    vim.cmd('FoveaSimilar!')
  end, function()
    return vim.bo.buftype == 'quickfix'
  end)
  local list = listed()
  equal(list.title, 'Similar to load_config', 'title')
  assert(list.items[1].text:find('read_settings', 1, true), vim.inspect(list.items[1]))
  vim.cmd.lclose()
  vim.cmd.buffer(config_file)
end)

test('an item of a store opens its web page, and one without a page is shown as a message', function()
  local at = { start = { line = 39, character = 3 }, ['end'] = { line = 39, character = 9 } }
  local page = 'https://git.example/backend/blob/main/src/auth.rs#L40'
  local item = { uri = page, range = at, selection = at, name = 'verify', kind = 'function', language = 'rust', score = 0.83 }
  item.store = { folder = 'team/backend', path = 'src/auth.rs' }
  local opened, open_page = nil, vim.ui.open
  vim.ui.open = function(uri)
    opened = uri
  end
  local lens = require('fovea.lens')
  lens.show('check', { item }, client())
  vim.ui.open = open_page
  equal(opened, page, 'page')
  equal(listed().items[1].text, '≈ 0.83 verify · team/backend: src/auth.rs:40', 'text')
  equal(listed().items[1].valid, 0, 'an entry that leads to a file')
  local from = #notices + 1
  item.uri = 'fovea-store:///team/backend/src/auth.rs'
  lens.show('check', { item }, client())
  assert(noticed(from):find('verify · team/backend: src/auth.rs:40', 1, true), noticed(from))
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
end)

--- The windows of a comparison: header, left, right.
local function comparison()
  return wait('the comparison', function()
    local windows = vim.api.nvim_tabpage_list_wins(0)
    return #vim.api.nvim_list_tabpages() == 2 and #windows == 3 and windows
  end)
end

local function text_of(window)
  return lines_of(vim.api.nvim_win_get_buf(window))
end

local function focus(window, text)
  vim.api.nvim_set_current_win(window)
  go(vim.api.nvim_win_get_buf(window), text)
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = vim.api.nvim_win_get_buf(window) })
end

--- The marked words in a window of a comparison: tone by position.
local function lit(window)
  local found = {}
  for _, mark in ipairs(marks(vim.api.nvim_win_get_buf(window), 'fovea_compare')) do
    local tone = tonumber((mark.group or ''):match('^FoveaHeat%a*(%d+)'))
    if tone then
      found[('%d:%d'):format(mark.row, mark.from)] = tone
    end
  end
  return found
end

--- The key of a word: its line and column as the server counts them.
local function place_of(word)
  return ('%d:%d'):format(word.start.line, word.start.column)
end

--- The server's answer to the last comparison, and its passages.
local answer, left_passage, right_passage
local shown = require('fovea.compare').open
require('fovea.compare').open = function(json, left, right)
  answer, left_passage, right_passage = json, left, right
  return shown(json, left, right)
end

--- Runs fovea.comparePassages on the passages of the last comparison.
local function ask_again(third)
  local passages = vim.tbl_map(function(passage)
    return { text = passage.sent, language = passage.language }
  end, { left_passage, right_passage })
  local got
  require('fovea.client').command('fovea.comparePassages', vim.list_extend(passages, { third }), {}, function(err, result)
    got = { err or false, result }
  end)
  wait('the answer', function()
    return got
  end)
  assert(not got[1], vim.inspect(got[1]))
  return got[2]
end

--- The tones that words on the other side must have for their shares.
local function expected_tones(shares, partners)
  local order, most, expected = {}, 0, {}
  for j, share in ipairs(shares) do
    most = math.max(most, share)
    table.insert(order, j)
  end
  table.sort(order, function(a, b)
    return shares[a] > shares[b]
  end)
  for i = 1, math.min(12, #order) do
    local part = shares[order[i]] / most
    if part >= 0.12 then
      expected[place_of(partners[order[i]])] = part >= 0.6 and 3 or part >= 0.3 and 2 or 1
    end
  end
  assert(vim.tbl_count(expected) >= 2, 'too few partners: ' .. vim.inspect(expected))
  return expected
end

--- Fails unless the partners of the word at the cursor become marked as in the server's row.
local function check_partners(window, side, other_window)
  local words, partners = answer[side].words, answer[side == 'a' and 'b' or 'a'].words
  local cursor = vim.api.nvim_win_get_cursor(window)
  for i, word in ipairs(words) do
    if word.start.line == cursor[1] - 1 and word.start.column == cursor[2] then
      local row = ask_again({ row = { side = side, word = i - 1 } })
      local expected = expected_tones(row.scores, partners)
      wait('the partners of ' .. word.text, function()
        return vim.deep_equal(lit(other_window), expected)
      end)
      return
    end
  end
  error('no word begins at the cursor')
end

test(':FoveaView opens the page of this document in a browser, at the unit under the cursor', function()
  local opened
  local open = vim.ui.open
  vim.ui.open = function(address)
    opened = address
    return {}, nil
  end
  vim.cmd('FoveaView')
  wait('the page', function()
    return opened
  end, 60000)
  vim.ui.open = open
  equal(opened:gsub('%d+/%x+/$', ''), 'http://127.0.0.1:', 'address')
  -- The page knows the position of the cursor.
  local host, port, path = opened:match('^http://([%d.]+):(%d+)(/%x+/)$')
  local got, socket = '', vim.uv.new_tcp()
  socket:connect(host, tonumber(port), function()
    socket:write(('GET %sapi/after/0 HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n'):format(path, host, port))
    socket:read_start(function(_, chunk)
      got = got .. (chunk or '')
    end)
  end)
  local unit = wait('the position of the cursor from the page', function()
    return got:match('"unit":(%w+)')
  end)
  socket:close()
  equal(unit ~= 'null', true, got)
end)

test(':FoveaCompare begins with a sentence and the shared words, and numbers are folded', function()
  go(config_file, 'config.insert')
  vim.cmd.FoveaCompare()
  local header, left, right = unpack(comparison())
  equal(answer.pairs, nil, 'the slow matrix')
  local text = text_of(header)
  equal(text[1], ' ' .. answer.summary, 'first line')
  assert(text[2]:find('similar 0%.%d%d') and text[2]:find('shared: ' .. answer.shared[1].text, 1, true), text[2])
  assert(text[4] == ' ▸ Details (d) · can I trust it? (t)' and #text == 4, vim.inspect(text))
  for _, word in ipairs({ 'residual', 'bias', 'special', 'languages' }) do
    assert(not table.concat(text, '\n'):find(word), word .. ' is shown although numbers are folded')
  end
  assert(table.concat(text_of(left), '\n'):find('pub fn load_config', 1, true), 'the left side is not the item')
  assert(table.concat(text_of(right), '\n'):find('pub fn read_settings', 1, true), 'the right side is not the similar item')
  assert(vim.wo[left].winbar:find('src/config.rs:%d+') and vim.wo[right].winbar:find('src/settings.rs:%d+'), vim.wo[left].winbar)
  -- The cursor is on the most shared word.
  local first = answer.a.words[answer.shared[1].a[1] + 1]
  equal(vim.api.nvim_win_get_cursor(left), { first.start.line + 1, first.start.column }, 'cursor')
end)

test('`d` unfolds the numbers of a comparison, and folds them again', function()
  local header, left = unpack(comparison())
  local height = vim.api.nvim_win_get_height(header)
  vim.api.nvim_set_current_win(left)
  vim.api.nvim_feedkeys('d', 'x', false)
  local text = table.concat(text_of(header), '\n')
  for _, part in ipairs({ 'cosine 0%.%d%d%d', 'residual of the split %de%-%d+', 'special tokens 0%.%d+, biases %-?0%.%d+', 'in common' }) do
    assert(text:find(part), part .. ' is missing in ' .. text)
  end
  assert(vim.api.nvim_win_get_height(header) > height, 'the window did not grow')
  vim.api.nvim_feedkeys('d', 'x', false)
  equal(#text_of(header), 4, 'lines when folded')
  vim.api.nvim_set_current_win(header)
  vim.api.nvim_feedkeys('\r', 'x', false)
  assert(#text_of(header) > 4, '<CR> in the header does not unfold')
  vim.api.nvim_feedkeys('\r', 'x', false)
  vim.api.nvim_set_current_win(left)
end)

test('the word under the cursor shows its row, on both sides, and the other side does not scroll', function()
  local header, left, right = unpack(comparison())
  local view = vim.api.nvim_win_call(right, vim.fn.winsaveview)
  focus(left, 'config = BTreeMap')
  check_partners(left, 'a', right)
  local told = text_of(header)[3]
  assert(told:find('^ config goes with %S+ %(line %d+%)') and not told:find('0%.'), told)
  equal(vim.api.nvim_win_call(right, vim.fn.winsaveview), view, 'view of the other side')
  focus(right, 'settings = BTreeMap')
  check_partners(right, 'b', left)
  for _, window in ipairs({ left, right }) do
    assert(not vim.wo[window].scrollbind and not vim.wo[window].cursorbind, 'the sides scroll together')
  end
end)

test('<Tab> goes to the strongest partner, a space shows the shared words, and q closes the comparison', function()
  local _, left, right = unpack(comparison())
  focus(left, '    let text')
  local base = lit(right)
  local shared = {}
  for _, entry in ipairs(answer.shared) do
    for _, index in ipairs(entry.b) do
      shared[place_of(answer.b.words[index + 1])] = true
    end
  end
  equal(vim.tbl_count(base), vim.tbl_count(shared), 'words marked without a word at the cursor')
  for place in pairs(base) do
    assert(shared[place], place .. ' is marked but not shared')
  end
  focus(left, 'config = BTreeMap')
  check_partners(left, 'a', right)
  vim.api.nvim_feedkeys('\t', 'x', false)
  equal(vim.api.nvim_get_current_win(), right, 'window after <Tab>')
  local cursor = vim.api.nvim_win_get_cursor(right)
  assert(cursor[1] > 1, 'the cursor is not on a partner')
  vim.api.nvim_feedkeys('q', 'x', false)
  equal(#vim.api.nvim_list_tabpages(), 1, 'tab pages')
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
end)

test(':FoveaCompare on two ranges compares these without indentation, and <CR> opens the place', function()
  local first = find(config_file, 'for (a, b)') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 2))
  first = find(config_file, 'for line in') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 3))
  local _, left, right = unpack(comparison())
  equal(text_of(left), { 'for (a, b) in left.iter().zip(right) {', '    sum += a * b;', '}' }, 'left passage')
  equal(text_of(right)[1], 'for line in text.lines() {', 'first line of the right passage')
  focus(right, 'continue')
  vim.api.nvim_feedkeys('\r', 'x', false)
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
  equal(vim.api.nvim_win_get_cursor(0)[1], find(config_file, 'continue') + 1, 'line')
  equal(#vim.api.nvim_list_tabpages(), 1, 'tab pages')
end)

test('t in a comparison says whether the words that count most matter', function()
  go(config_file, 'config.insert')
  vim.cmd.FoveaCompare()
  comparison()
  vim.api.nvim_feedkeys('t', 'x', false)
  local text = float_text('the verdict')
  assert(text:find('^Removing') and text:find('How far the similarity falls:', 1, true), text)
  close_floats()
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test('both sides of a comparison have the syntax colors of their language', function()
  go(config_file, 'config.insert')
  vim.cmd.FoveaCompare()
  local _, left, right = unpack(comparison())
  for _, window in ipairs({ left, right }) do
    local bufnr = vim.api.nvim_win_get_buf(window)
    assert(vim.bo[bufnr].syntax == 'rust' or vim.treesitter.highlighter.active[bufnr], 'no colors')
    equal(vim.bo[bufnr].filetype, '', 'filetype, which would attach servers')
  end
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test('a server that does not know the third argument is asked again, and its matrix gives the rows', function()
  local whole = ask_again(nil)
  assert(type(whole.pairs) == 'table', 'no matrix')
  whole.summary, whole.shared = nil, nil
  local asked, command = {}, require('fovea.client').command
  require('fovea.client').command = function(_, arguments, _, done)
    table.insert(asked, #arguments)
    if #arguments == 3 then
      done({ code = -32602, message = 'two arguments are needed' })
    else
      done(nil, whole)
    end
    return function() end
  end
  go(config_file, 'config.insert')
  vim.cmd.FoveaCompare()
  local header, left, right = unpack(comparison())
  equal(asked, { 3, 2 }, 'arguments of the requests')
  assert(text_of(header)[1]:find('^ similar 0%.%d%d'), text_of(header)[1])
  focus(left, 'config = BTreeMap')
  local index
  local cursor = vim.api.nvim_win_get_cursor(left)
  for i, word in ipairs(whole.a.words) do
    index = word.start.line == cursor[1] - 1 and word.start.column == cursor[2] and i or index
  end
  local shares = vim.list_slice(whole.pairs[index], 1, #whole.b.words)
  equal(lit(right), expected_tones(shares, whole.b.words), 'partners')
  equal(asked, { 3, 2 }, 'requests after the matrix came')
  require('fovea.client').command = command
  vim.api.nvim_feedkeys('q', 'x', false)
end)

test('a long comparison shows its progress, and a key cancels it', function()
  local lines = {}
  for i = 1, 400 do
    table.insert(lines, ('    let value_%d = read_number(%d, "the number of the line %d");'):format(i, i * 7, i))
  end
  vim.fn.writefile(lines, 'src/long.rs')
  local long = open('src/long.rs')
  wait('the client', function()
    return vim.lsp.buf_is_attached(long, client().id)
  end)
  local sent, token = {}, nil
  local notify, request = client().rpc.notify, client().rpc.request
  client().rpc.notify = function(method, params)
    table.insert(sent, { method, params })
    return notify(method, params)
  end
  client().rpc.request = function(method, params, ...)
    token = method == 'workspace/executeCommand' and params.workDoneToken or token
    return request(method, params, ...)
  end
  vim.cmd('1,190FoveaCompare')
  vim.cmd('200,400FoveaCompare')
  local window = wait('the window', function()
    return (float())
  end)
  assert(token, 'no token for progress')
  local data = { client_id = client().id, params = { token = token, value = { kind = 'report', message = 'reading', percentage = 40 } } }
  vim.api.nvim_exec_autocmds('LspProgress', { data = data, modeline = false })
  local text = table.concat(text_of(window), '\n')
  assert(text:find('Comparing', 1, true) and text:find('reading 40 %%') and text:find('cancels', 1, true), text)
  local from = #notices + 1
  vim.api.nvim_feedkeys('q', 'x', false)
  equal(vim.api.nvim_win_is_valid(window), false, 'validity of the progress window')
  client().rpc.notify, client().rpc.request = notify, request
  assert(vim.iter(sent):any(function(message)
    return message[1] == '$/cancelRequest' and message[2].id
  end), 'the server got no cancellation')
  vim.wait(500)
  equal(#vim.api.nvim_list_tabpages(), 1, 'tab pages')
  assert(noticed(from):find('comparison canceled', 1, true), noticed(from))
  equal(vim.api.nvim_get_current_buf(), long, 'buffer')
  vim.cmd.buffer(config_file)
end)

test('long titles of a comparison are cut but keep name and line', function()
  local title = require('fovea.compare.header').title
  local passage = { uri = vim.uri_from_fname(workspace .. '/src/' .. ('deep/'):rep(20) .. 'config.rs'), row = 11, name = 'load' }
  local text = title(passage, 40)
  assert(vim.fn.strdisplaywidth(text) <= 40 and text:find('^load · …') and text:find('config.rs:12$'), text)
  passage.name = ('very_long_name_'):rep(10)
  text = title(passage, 40)
  assert(vim.fn.strdisplaywidth(text) <= 40 and text:find('^very_long_') and text:find('s:12$'), text)
  passage = { uri = vim.uri_from_fname(workspace .. '/src/config.rs'), row = 0, name = '' }
  equal(title(passage, 40), 'src/config.rs:1', 'a short title')
end)

test('the numbers contain the common part of the languages if the server sends it', function()
  local function details(similarity)
    local centered = { cosine = 0.52, similarity = similarity, common = 0.18 }
    return require('fovea.compare.header').details({ cosine = 0.61, residual = 2.5e-5, centered = centered, a = {}, b = {} })[2]
  end
  local same = details(0.52)
  assert(same:find('in common 0.520', 1, true) and same:find('languages 0.180', 1, true), same)
  assert(not same:find('similarity', 1, true), same)
  assert(details(0.57):find('similarity 0.570', 1, true), details(0.57))
end)

finish()
