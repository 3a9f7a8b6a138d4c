-- What leads a person of Neovim to other places: search, similar items, comparison: nvim --clean --headless -l FILE FOVEA
--
-- One session: the tests run in order, each on what the ones before left open.
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

test('the statusline says how far the index is, and no more once it is there', function()
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

test(':FoveaSearch lists what a query is about, in files that nobody has opened', function()
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

test(':FoveaSearch without a query asks for it, lets the person choose, and opens the place', function()
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

test(':FoveaSearch! with a query lets the person choose at once, and CTRL-O leads back', function()
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

test('an item of a store opens its web page, and one without a page is told', function()
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

--- What is lit in a window of a comparison: level by place.
local function lit(window)
  local found = {}
  for _, mark in ipairs(marks(vim.api.nvim_win_get_buf(window), 'fovea_compare')) do
    local level = tonumber((mark.group or ''):match('^FoveaHeat(%d+)'))
    if level then
      found[('%d:%d'):format(mark.row, mark.from)] = level
    end
  end
  return found
end

--- The answer of the server to the last comparison, as it came.
local answer
local shown = require('fovea.compare').open
require('fovea.compare').open = function(json, ...)
  answer = json
  return shown(json, ...)
end

--- Fails unless the partners of the word under the cursor are lit, by their weight. `share(i, j)` is what two words make together.
local function check_partners(window, words, other, partners, share)
  local cursor = vim.api.nvim_win_get_cursor(window)
  for i, word in ipairs(words) do
    if word.start.line == cursor[1] - 1 and word.start.column == cursor[2] then
      local most, expected = 0, {}
      for j = 1, #partners do
        most = math.max(most, share(i, j))
      end
      for j, partner in ipairs(partners) do
        if share(i, j) >= 0.08 * most then
          local place = ('%d:%d'):format(partner.start.line, partner.start.column)
          expected[place] = math.max(1, math.floor(12 * share(i, j) / most + 0.5))
        end
      end
      assert(vim.tbl_count(expected) >= 2, 'hardly a partner: ' .. vim.inspect(expected))
      equal(lit(other), expected, 'partners of ' .. word.text)
      return
    end
  end
  error('no word begins at the cursor')
end

test(':FoveaCompare shows the item under the cursor beside its like, and lights the partners of a word by weight', function()
  go(config_file, 'config.insert')
  vim.cmd.FoveaCompare()
  local header, left, right = unpack(comparison())
  equal(#text_of(header), answer.centred and 3 or 2, 'lines of the header')
  assert(text_of(header)[1]:find('cosine 0%.%d%d%d') and text_of(header)[1]:find('residual %de%-%d+'), text_of(header)[1])
  assert(table.concat(text_of(left), '\n'):find('pub fn load_config', 1, true), 'the left side is not the item')
  assert(table.concat(text_of(right), '\n'):find('pub fn read_settings', 1, true), 'the right side is not its like')
  assert(vim.wo[left].winbar:find('src/config.rs:%d+') and vim.wo[right].winbar:find('src/settings.rs:%d+'), vim.wo[left].winbar)

  focus(left, 'config = BTreeMap')
  check_partners(left, answer.a.words, right, answer.b.words, function(i, j)
    return answer.pairs[i][j]
  end)
  local told = text_of(header)[#text_of(header)]
  assert(told:find('^ config brings %-?0%.%d+ of the cosine, most of it with'), told)
  -- And the other way round.
  focus(right, 'settings = BTreeMap')
  check_partners(right, answer.b.words, left, answer.a.words, function(i, j)
    return answer.pairs[j][i]
  end)
end)

test('a comparison follows the cursor, shows all its words on a blank, and q closes it', function()
  local _, left, right = unpack(comparison())
  focus(left, '    let text')
  local base = lit(right)
  focus(left, 'load')
  assert(not vim.deep_equal(lit(right), base), 'the partners are as without a word')
  vim.api.nvim_feedkeys('\t', 'x', false)
  equal(vim.api.nvim_get_current_win(), right, 'window after <Tab>')
  vim.api.nvim_feedkeys('q', 'x', false)
  equal(#vim.api.nvim_list_tabpages(), 1, 'tab pages')
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
end)

test(':FoveaCompare on two ranges compares these, and <CR> opens the place', function()
  local first = find(config_file, 'for (a, b)') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 2))
  first = find(config_file, 'for line in') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 3))
  local _, left, right = unpack(comparison())
  equal(#text_of(left), 3, 'lines of the left passage')
  assert(text_of(right)[1]:find('for line in', 1, true), text_of(right)[1])
  focus(right, 'continue')
  vim.api.nvim_feedkeys('\r', 'x', false)
  equal(vim.api.nvim_get_current_buf(), config_file, 'buffer')
  equal(vim.api.nvim_win_get_cursor(0)[1], find(config_file, 'continue') + 1, 'line')
  equal(#vim.api.nvim_list_tabpages(), 1, 'tab pages')
end)

test('what the languages have in common stands in the header where the server tells it', function()
  local function header(similarity)
    local centred = { cosine = 0.52, similarity = similarity, common = 0.18 }
    return require('fovea.compare').header({ cosine = 0.61, residual = 2.5e-5, centred = centred })[2]
  end
  local same = header(0.52)
  assert(same:find('in common 0.520', 1, true) and same:find('languages 0.180', 1, true), same)
  assert(not same:find('similarity', 1, true), same)
  assert(header(0.57):find('similarity 0.570', 1, true), header(0.57))
end)

finish()
