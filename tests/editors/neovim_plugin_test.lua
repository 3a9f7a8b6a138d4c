-- What the Neovim plugin adds to LSP: nvim --clean --headless -l neovim_plugin_test.lua FOVEA
--
-- Search, comparison, installing, options, the health report, the help, and a long file. One session, as in neovim_test.lua.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

local config_file

--- The options of this session with others on top, for the server that runs.
local function configure(options)
  fovea.setup(vim.tbl_deep_extend('force', { cmd = { program, 'serve' } }, options or {}))
end

local function status()
  return require('fovea.status').get() or {}
end

local function indexed()
  return wait('the index', function()
    local index = status().index
    return index and index.state == 'ready' and index.items >= 6 and index
  end)
end

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
  local lines = require('fovea.compare').header({
    cosine = 0.61,
    residual = 2.5e-5,
    centred = { cosine = 0.52, common = 0.18 },
  })
  assert(lines[2]:find('in common 0.520', 1, true) and lines[2]:find('languages 0.180', 1, true), lines[2])
end)

test('options that do not fit are named, and the defaults stay', function()
  local from = #notices + 1
  configure({ heat = { color = 'orange', strength = 3 }, lenses = {}, highlight = { enable = 'always' } })
  local text = noticed(from)
  for _, part in ipairs({ 'heat.color should be a colour', 'heat.strength should be', 'no option lenses', 'highlight.enable should be' }) do
    assert(text:find(part, 1, true), part .. ' is missing in: ' .. text)
  end
  local options = require('fovea.config').options
  equal({ options.heat.strength, options.highlight.enable, options.lenses }, { 0.6, 'auto' }, 'options')
  configure()
  equal(require('fovea.config').problems, {}, 'problems of good options')
end)

test('colour and strength of the heat follow the options at once', function()
  local function hottest_colour()
    return ('#%06x'):format(vim.api.nvim_get_hl(0, { name = 'FoveaHeat12' }).bg)
  end
  configure({ heat = { color = '#123456', strength = 1 } })
  equal(hottest_colour(), '#123456', 'colour of the hottest word')
  configure({ heat = { color = '#123456', strength = 0.5 } })
  assert(hottest_colour() ~= '#123456', 'the strength changed nothing')
  configure()
end)

test('the colours follow the background, and a group of the theme is left alone', function()
  local function ground()
    local color = vim.api.nvim_get_hl(0, { name = 'FoveaHeat1' }).bg
    return bit.band(bit.rshift(color, 8), 255)
  end
  vim.cmd.colorscheme('default')
  vim.o.background = 'light'
  local light = ground()
  vim.o.background = 'dark'
  assert(light > 200 and ground() < 80, ('light %d, dark %d'):format(light, ground()))
  vim.api.nvim_set_hl(0, 'FoveaHeat12', { bg = '#0000ff' })
  vim.api.nvim_exec_autocmds('ColorScheme', {})
  equal(vim.api.nvim_get_hl(0, { name = 'FoveaHeat12' }).bg, 0x0000ff, 'a group that the theme defines')
  vim.cmd.highlight('clear FoveaHeat12')
  vim.api.nvim_exec_autocmds('ColorScheme', {})
end)

-- What each setting of the server changes in the editor, and how it is seen. `fovea.setup` sends it to the server that runs.
local function hover_text()
  close_floats()
  go(config_file, 'read_to_string')
  local answer
  local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
  require('fovea.client').request(client(), 'textDocument/hover', params, function(_, result)
    answer = { result and result.contents.value or '' }
  end, config_file)
  return wait('an answer', function()
    return answer
  end)[1]
end

local usual

local effects = {
  ['enable'] = { false, function()
    return #heat(config_file) == 0 and fovea.status(config_file):find('^fovea off') ~= nil
  end },
  ['languages'] = { { 'python' }, function()
    return fovea.status(config_file):find('off: .*fovea.languages') ~= nil
  end },
  ['excludePatterns'] = { { '**/config.rs' }, function()
    return fovea.status(config_file):find('off: .*exclude') ~= nil
  end },
  ['maxFileBytes'] = { 1000, function()
    return fovea.status(config_file):find('off: .*bytes') ~= nil
  end },
  ['maxLineBytes'] = { 100, function()
    return fovea.status(config_file):find('^fovea off') ~= nil
  end, function()
    -- Without a screen 0.12.4 falls over a line that it has to wrap.
    vim.wo.wrap = false
    vim.api.nvim_buf_set_lines(config_file, -1, -1, false, { '// ' .. ('long '):rep(40) })
  end },
  ['method'] = { 'norm', function()
    return fovea.status(config_file):find('norm', 1, true) ~= nil
      and (require('fovea.heat').last(config_file) or {}).method == 'norm'
  end },
  ['heat.enable'] = { false, function()
    return #heat(config_file) == 0 and status().heat == false
  end },
  ['hover.enable'] = { false, function()
    return hover_text() == ''
  end },
  ['hover.words'] = { 0, function()
    local text = hover_text()
    return text ~= '' and not text:find('draws on', 1, true)
  end },
  ['codeLens.enable'] = { false, function()
    return vim.tbl_isempty(lenses(config_file))
  end },
  ['codeLens.minSimilarity'] = { 0.99, function()
    return vim.tbl_isempty(lenses(config_file))
  end },
  ['highlight.enable'] = { false, function()
    go(config_file, 'read_to_string')
    local answer
    local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
    require('fovea.client').request(client(), 'textDocument/documentHighlight', params, function(_, result)
      answer = { result or {} }
    end, config_file)
    return #wait('an answer', function()
      return answer
    end)[1] == 0
  end },
  ['identifierAware'] = { false, function()
    -- What carries a name of several words is told otherwise when it reaches the model as one.
    local shown = heat(config_file)
    if #shown == 0 then
      return false
    end
    usual = usual or shown
    return not vim.deep_equal(shown, usual)
  end, function()
    complete(config_file)
  end },
  ['index.enable'] = { false, function()
    return status().index == nil
  end },
  ['model.dir'] = { '/nowhere', function()
    return status().health ~= 'ok'
  end },
}

for name, effect in vim.spairs(effects) do
  test('the setting ' .. name .. ' shows, and shows no more when it is taken back', function()
    vim.cmd.buffer(config_file)
    local value, seen, prepare = unpack(effect)
    local before = lines_of(config_file)
    if prepare then
      prepare()
    end
    wait('the time before it is set', function()
      return not seen()
    end)
    configure({ settings = { [name] = value } })
    wait('its effect', seen)
    configure()
    vim.api.nvim_buf_set_lines(config_file, 0, -1, false, before)
    wait('the end of its effect', function()
      return not seen()
    end)
    wait('heat', function()
      return #heat(config_file) > 0 and status().health == 'ok'
    end)
  end)
end

test('a setting that does not exist is named by the server', function()
  local told
  local handler = vim.lsp.handlers['window/showMessage']
  vim.lsp.handlers['window/showMessage'] = function(_, params)
    told = params.message
  end
  configure({ settings = { nonsense = 1 } })
  wait('a message', function()
    return told
  end)
  vim.lsp.handlers['window/showMessage'] = handler
  assert(told:find('nonsense', 1, true), told)
  configure()
end)

test('typing never takes heat off unchanged words, at no moment until the new heat', function()
  vim.cmd.buffer(config_file)
  complete(config_file)
  local row = find(config_file, 'fn dot_product')
  local function below()
    return vim.tbl_map(function(mark)
      return mark.text
    end, vim.tbl_filter(function(mark)
      return mark.row > find(config_file, 'fn dot_product')
    end, heat(config_file)))
  end
  local before = below()
  assert(#before > 0, 'no heat to keep')
  local count, gaps, version = #received[config_file], {}, nil
  vim.api.nvim_win_set_cursor(0, { row, 0 })
  for letter in ('// the product of the lengths and the cosine'):gmatch('.') do
    vim.api.nvim_feedkeys(letter == '/' and 'A/' or 'A' .. letter, 'x', false)
    -- Between two keys, and while answers come in: what was lit stays lit.
    vim.wait(1)
    if #below() < #before * 0.7 then
      table.insert(gaps, #below())
    end
  end
  wait('the new heat', function()
    if #below() < #before * 0.7 then
      table.insert(gaps, #below())
    end
    local all = received[config_file]
    version = all[#all].version
    return #all > count and all[#all].complete and require('fovea.versions').current(config_file, version)
  end)
  equal(gaps, {}, 'moments with less heat')
  check_drawn(config_file, complete(config_file))
end)

test('in a file of 10,000 lines what is on screen is drawn at once, and soon every line', function()
  local lines = {}
  local unit = vim.list_slice(lines_of(config_file), find(config_file, 'The scalar product') + 1, find(config_file, 'fn dot_product') + 8)
  while #lines < 10000 do
    vim.list_extend(lines, unit)
  end
  vim.fn.writefile(lines, 'src/long.rs')
  local long = open('src/long.rs')
  local message = complete(long)
  assert(#message.words > 10000, 'hardly any words')
  wait('every mark', function()
    return #heat(long) == #message.words
  end)
  check_drawn(long, message)

  -- All levels change at once, as with another method.
  local other = vim.deepcopy(message)
  for _, word in ipairs(other.words) do
    word[4] = word[4] % 12 + 1
  end
  vim.cmd('normal! 5000G')
  vim.cmd.redraw()
  -- Without a screen 0.10 does not know the last line in the window.
  local first = vim.fn.line('w0') - 1
  local last = first + vim.api.nvim_win_get_height(0) - 1
  assert(first > 4000, 'the window did not scroll')
  local function on_screen(words)
    return vim.tbl_map(function(word)
      return { word[1], word[4] }
    end, vim.tbl_filter(function(word)
      return word[1] >= first and word[1] <= last
    end, words))
  end
  local function levels_on_screen()
    return on_screen(vim.tbl_map(function(mark)
      return { mark.row, 0, 0, tonumber(mark.group:match('%d+')) }
    end, heat(long)))
  end
  h.handle(nil, other, { client_id = client().id, method = 'fovea/heat' })
  equal(levels_on_screen(), on_screen(other.words), 'what is on screen, as soon as the message has come')
  equal(#heat(long), #message.words, 'marks meanwhile')
  -- Drawn from the top, so the last mark tells. To look at all of them again and again would take the time they are drawn in.
  local function last_is_drawn(words)
    local id = vim.api.nvim_get_namespaces().fovea_heat
    local last = vim.api.nvim_buf_get_extmarks(long, id, -1, 0, { limit = 1, details = true })[1]
    return last[2] == words[#words][1] and last[4].hl_group == 'FoveaHeat' .. words[#words][4]
  end
  wait('every level', function()
    return last_is_drawn(other.words)
  end)
  check_drawn(long, other)

  -- An edit while slices are still to be drawn: the heat that comes for it draws them.
  h.handle(nil, message, { client_id = client().id, method = 'fovea/heat' })
  local count = #received[long]
  vim.api.nvim_buf_set_lines(long, 20, 20, false, { '// the lengths are the same' })
  local new = complete(long, count)
  wait('every mark', function()
    return last_is_drawn(new.words)
  end)
  check_drawn(long, new)
  vim.bo[long].modified = false
  vim.cmd.buffer(config_file)
end)

test(':checkhealth fovea tells program, protocol, model, index and options that contradict each other', function()
  local function report()
    vim.cmd('silent checkhealth fovea')
    local text = table.concat(lines_of(0), '\n')
    vim.cmd.bwipeout()
    return text
  end
  local text = report()
  for _, part in ipairs({ 'fovea %d', 'speaks protocol 1', 'model all%-MiniLM', 'index: .*%d items', 'options are valid' }) do
    assert(text:find(part), part .. ' is missing in ' .. text)
  end
  assert(not text:find('ERROR', 1, true), text)
  configure({ settings = { heat = { enable = false }, ['codeLens.enable'] = false }, heat = { strength = -1 } })
  text = report()
  assert(text:find('settings.heat.enable is false', 1, true), text)
  assert(text:find('settings.codeLens.enable is false', 1, true), text)
  assert(text:find('heat.strength should be', 1, true), text)
  configure()
  local capabilities = client().server_capabilities.experimental.fovea
  capabilities.protocol = 7
  text = report()
  capabilities.protocol = 1
  assert(text:find('speaks protocol 7, the plugin 1', 1, true), text)
end)

test('the help has tags for every command, and all its references exist', function()
  local doc = workspace .. '/doc'
  vim.fn.mkdir(doc)
  vim.fn.system({ 'cp', root .. '/editors/neovim/doc/fovea.txt', doc })
  vim.cmd.helptags(doc)
  local tags = {}
  for _, line in ipairs(vim.fn.readfile(doc .. '/tags')) do
    tags[line:match('^[^\t]+')] = true
  end
  for name in pairs(vim.api.nvim_get_commands({})) do
    assert(not name:find('^Fovea') or tags[':' .. name], ('no tag for :%s'):format(name))
  end
  local core = {}
  for line in io.lines(vim.env.VIMRUNTIME .. '/doc/tags') do
    core[line:match('^[^\t]+')] = true
  end
  for link in io.open(doc .. '/fovea.txt'):read('*a'):gmatch('|([^|%s]+)|') do
    assert(tags[link] or core[link], 'no such tag: ' .. link)
  end
end)

--- A second Neovim with the plugin installed in some way, on a file of the workspace; `with` gets a function that runs Lua there.
local function installed(arguments, with)
  local job = vim.fn.jobstart(vim.list_extend({ vim.v.progpath, '--clean', '--headless', '--embed' }, arguments), {
    rpc = true,
    cwd = workspace,
    env = { PATH = vim.fs.dirname(program) .. ':' .. vim.env.PATH },
  })
  local ok, err = pcall(with, function(code)
    return vim.rpcrequest(job, 'nvim_exec_lua', code, {})
  end)
  vim.fn.jobstop(job)
  assert(ok, err)
end

local attached = "return #vim.lsp.get_clients({ name = 'fovea', bufnr = 0 }) == 1"

local function starts(arguments)
  installed(arguments, function(run)
    wait('the server in the other Neovim', function()
      return run(attached)
    end)
    wait('heat there', function()
      return run("return #vim.api.nvim_buf_get_extmarks(0, require('fovea.heat').namespace, 0, -1, {}) > 0")
    end)
    assert(run("return vim.fn.exists(':FoveaSearch') == 2"), 'no commands')
  end)
end

test('installed by putting the folder into runtimepath, it works without setup()', function()
  starts({ '--cmd', 'set rtp^=' .. root .. '/editors/neovim', 'src/settings.rs' })
end)

test('loaded late, as lazy.nvim does, it works without setup() and with it', function()
  -- lazy.nvim puts the folder into runtimepath, sources plugin/ and then calls setup() where the spec has opts.
  local load = ("vim.opt.rtp:prepend(%q) vim.cmd.source(%q)"):format(
    root .. '/editors/neovim',
    root .. '/editors/neovim/plugin/fovea.lua'
  )
  local late = "lua vim.api.nvim_create_autocmd('BufReadPost', { once = true, callback = function() %s end })"
  starts({ '--cmd', late:format(load), 'src/settings.rs' })
  starts({ '--cmd', late:format(load .. " require('fovea').setup({ heat = { strength = 0.4 } })"), 'src/settings.rs' })
end)

if vim.pack then
  test('installed where vim.pack puts a plugin, it works without setup()', function()
    local site = vim.fn.tempname()
    vim.fn.mkdir(site .. '/pack/core/opt', 'p')
    vim.fn.system({ 'cp', '-r', root .. '/editors/neovim', site .. '/pack/core/opt/fovea' })
    starts({ '--cmd', ('set packpath^=%s'):format(site), '--cmd', 'packadd fovea', 'src/settings.rs' })
    vim.fn.delete(site, 'rf')
  end)
end

test('vim.g.fovea holds the options, and false starts nothing', function()
  installed({ '--cmd', 'let g:fovea = v:false | set rtp^=' .. root .. '/editors/neovim', 'src/settings.rs' }, function(run)
    -- What would start it was scheduled before this question.
    assert(not run(attached), 'it started')
    assert(not run("return require('fovea').started or false"), 'it started')
  end)
  local options = "let g:fovea = #{heat: #{strength: 0.3}} | set rtp^=" .. root .. '/editors/neovim'
  installed({ '--cmd', options, 'src/settings.rs' }, function(run)
    wait('the server in the other Neovim', function()
      return run(attached)
    end)
    equal(run("return require('fovea.config').options.heat.strength"), 0.3, 'strength')
  end)
end)

finish()
