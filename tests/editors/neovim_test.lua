-- Drives a real Neovim against a real server: nvim --clean --headless -l neovim_test.lua FOVEA
--
-- One session, as a person has one: the tests run in order and share the server, each on what the ones before left open. Everything
-- that takes time is waited for by condition.
local program = assert(_G.arg[1], 'usage: nvim --clean --headless -l neovim_test.lua FOVEA')
local here = vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p')))
local root = vim.fs.dirname(vim.fs.dirname(here))
local modern = vim.fn.has('nvim-0.11') == 1
local patience = 60000

-- A copy, since the tests edit; `.git` makes it a project.
local workspace = vim.fn.tempname()
vim.fn.mkdir(workspace .. '/.git', 'p')
vim.fn.system({ 'cp', '-r', here .. '/workspace/.', workspace })
workspace = assert(vim.uv.fs_realpath(workspace))
vim.fn.chdir(workspace)

vim.opt.runtimepath:prepend(root .. '/editors/neovim')
vim.o.swapfile = false
vim.o.hidden = true
-- Lenses are drawn on lines that are on screen. ('columns' is left alone: setting it without a screen corrupts 0.12.4's memory.)
vim.o.lines = 60
vim.cmd('filetype on')
-- As the README proposes.
vim.o.statusline = "%f %{v:lua.require'fovea'.status()}"

local passed, failed = 0, 0

---@param name string
---@param body fun()
local function test(name, body)
  local ok, err = xpcall(body, debug.traceback)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
  end
  io.stdout:write(('%s  %s\n'):format(ok and 'ok    ' or 'FAILED', name))
  if not ok then
    io.stdout:write('        ' .. err:gsub('\n', '\n        ') .. '\n')
  end
end

local function finish()
  vim.fn.delete(workspace, 'rf')
  io.stdout:write(('%d passed, %d failed\n'):format(passed, failed))
  io.stdout:flush()
  os.exit(failed == 0 and 0 or 1)
end

--- Waits until `condition` answers something true and returns that.
local function wait(what, condition)
  local value
  if not vim.wait(patience, function()
    value = condition()
    return value
  end, 20) then
    error('waited in vain for ' .. what, 2)
  end
  return value
end

local function equal(actual, expected, what)
  if not vim.deep_equal(actual, expected) then
    error(('%s: %s instead of %s'):format(what, vim.inspect(actual), vim.inspect(expected)), 2)
  end
end

local notices = {}
---@diagnostic disable-next-line: duplicate-set-field
vim.notify = function(message)
  table.insert(notices, message)
end

--- The text of the notices since `from`.
local function noticed(from)
  return table.concat(vim.list_slice(notices, from), '\n')
end

-- Chooses the entry whose text has `wanted`, and remembers what was offered.
local picks = { wanted = '', offered = {} }
---@diagnostic disable-next-line: duplicate-set-field
vim.ui.select = function(items, options, choose)
  picks.offered = vim.tbl_map(options.format_item or tostring, items)
  for i, text in ipairs(picks.offered) do
    if text:find(picks.wanted, 1, true) then
      return choose(items[i], i)
    end
  end
  choose(nil)
end

local function open(path)
  vim.cmd.edit(path)
  return vim.api.nvim_get_current_buf()
end

local function lines_of(bufnr)
  return vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
end

--- Row and byte column, both from zero, of the first place where `text` stands.
local function find(bufnr, text)
  for row, line in ipairs(lines_of(bufnr)) do
    local column = line:find(text, 1, true)
    if column then
      return row - 1, column - 1
    end
  end
  error('the fixture lacks ' .. text, 2)
end

local function go(bufnr, text, into)
  local row, column = find(bufnr, text)
  vim.api.nvim_win_set_cursor(0, { row + 1, column + (into or 0) })
end

--- The extmarks of a namespace, with the text each covers.
local function marks(bufnr, namespace)
  local found = {}
  local id = assert(vim.api.nvim_get_namespaces()[namespace], 'no namespace ' .. namespace)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, id, 0, -1, { details = true })) do
    local _, row, column, details = unpack(mark)
    table.insert(found, {
      row = row,
      from = column,
      to = details.end_col,
      group = details.hl_group,
      priority = details.priority,
      text = details.end_row == row
          and vim.api.nvim_buf_get_text(bufnr, row, column, row, details.end_col, {})[1]
        or nil,
    })
  end
  return found
end

local function heat(bufnr)
  return marks(bufnr, 'fovea_heat')
end

--- A character of the negotiated encoding to a byte, counted anew here rather than by the code under test.
local function byte(line, character, encoding)
  local bytes, units = 0, 0
  for _, char in ipairs(vim.fn.split(line, '\\zs')) do
    if units >= character then
      break
    end
    bytes = bytes + #char
    local point = vim.fn.char2nr(char)
    units = units + (encoding == 'utf-8' and #char or (encoding == 'utf-16' and point > 0xffff) and 2 or 1)
  end
  return bytes
end

-- Every fovea/heat as it came, by buffer, before the plugin sees it; those that tell what changed made whole, by code of our own.
local received, changes = {}, 0
local function whole(params, before)
  local message, change = vim.deepcopy(params), params.changed
  if not change then
    return message
  end
  changes = changes + 1
  assert(before and before.version == change.since, 'changes since a message that did not come')
  for _, word in ipairs(before.words) do
    if word[1] < change.start then
      table.insert(message.words, word)
    elseif word[1] >= change.was then
      table.insert(message.words, { word[1] + change['end'] - change.was, word[2], word[3], word[4] })
    end
  end
  table.sort(message.words, function(a, b)
    return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
  end)
  message.changed = nil
  return message
end

-- What the plugin does with a message, nobody listening.
local handle
local function record(client)
  local handler = client.handlers['fovea/heat']
  handle = handler
  client.handlers['fovea/heat'] = function(err, params, context, config)
    local bufnr = vim.uri_to_bufnr(params.uri)
    received[bufnr] = received[bufnr] or {}
    table.insert(received[bufnr], whole(params, received[bufnr][#received[bufnr]]))
    return handler(err, params, context, config)
  end
end

local fovea = require('fovea')

---@param server vim.lsp.Client
local function stop(server)
  if modern then
    server:stop()
  else
    server.stop()
  end
end

local function client()
  return vim.lsp.get_clients({ name = 'fovea' })[1]
end

--- The last message for a buffer, once it is for the text shown and complete.
local function complete(bufnr, from)
  return wait('complete heat of ' .. vim.api.nvim_buf_get_name(bufnr), function()
    local all = received[bufnr] or {}
    local last = all[#all]
    return #all > (from or 0) and last.complete and require('fovea.versions').current(bufnr, last.version) and last
  end)
end

--- Fails unless the marks drawn are exactly those of the message.
local function check_drawn(bufnr, message)
  local lines, expected = lines_of(bufnr), {}
  for _, word in ipairs(message.words) do
    local line, from, to, level = unpack(word)
    local text = lines[line + 1]
    local encoding = client().offset_encoding
    table.insert(expected, { line, byte(text, from, encoding), byte(text, to, encoding), 'FoveaHeat' .. level })
  end
  local drawn = vim.tbl_map(function(mark)
    return { mark.row, mark.from, mark.to, mark.group }
  end, heat(bufnr))
  equal(drawn, expected, 'marks')
end

--- Fails where a mark covers blanks or cuts an identifier's letters.
local function check_words(bufnr)
  local lines = lines_of(bufnr)
  for _, mark in ipairs(heat(bufnr)) do
    assert(mark.text and mark.text ~= '' and not mark.text:find('%s'), 'a mark covers ' .. vim.inspect(mark))
    local before = lines[mark.row + 1]:sub(mark.from, mark.from)
    local after = lines[mark.row + 1]:sub(mark.to + 1, mark.to + 1)
    local cut = (before:find('^%a') and mark.text:find('^%a')) or (after:find('^%a') and mark.text:find('%a$'))
    assert(not cut, ('%q is cut out of %q'):format(mark.text, lines[mark.row + 1]))
  end
end

local config_file, settings_file

test('the server attaches and says that it is ready', function()
  fovea.setup({ cmd = { program, 'serve' } })
  config_file = open('src/config.rs')
  record(wait('a client', client))
  wait('the state ready', function()
    local status = require('fovea.status').get()
    return status and (status.state == 'ready' or status.state == 'busy')
  end)
  local status = require('fovea.status').get()
  equal(status.health, 'ok', 'health')
  assert(status.model and status.model ~= '', 'no model in ' .. vim.inspect(status))
end)

-- Without a server every other test would wait its patience out.
if failed > 0 then
  finish()
end

test('heat covers whole words, with the levels that the server sent', function()
  -- What came before the recording began is not known: an edit and its undoing bring a new one.
  vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { '' })
  vim.api.nvim_buf_set_lines(config_file, 0, 1, false, {})
  local message = complete(config_file)
  equal(message.levels, 12, 'levels')
  check_drawn(config_file, message)
  check_words(config_file)
  local row = find(config_file, 'fn load_config')
  local found, groups = false, {}
  for _, mark in ipairs(heat(config_file)) do
    groups[mark.group] = true
    found = found or mark.row == row
    assert(mark.priority < 150, 'heat must stay below diagnostics')
  end
  assert(found, 'no heat on the line of load_config')
  assert(vim.tbl_count(groups) >= 3, 'all words have nearly the same level: ' .. vim.inspect(groups))
end)

test('heat counts characters right after letters of several bytes', function()
  local row, column = find(config_file, 'default configuration')
  local found = vim.tbl_filter(function(mark)
    return mark.row == row and mark.from >= column
  end, heat(config_file))
  assert(#found > 0, 'no heat after the emoji')
  for _, mark in ipairs(found) do
    assert(('default configuration'):find(mark.text, 1, true), 'a mark covers ' .. mark.text)
  end
end)

test('the levels have groups that grow from the background and follow the colour scheme', function()
  local function distance(level)
    local bg = vim.api.nvim_get_hl(0, { name = 'FoveaHeat' .. level }).bg
    local ground = vim.api.nvim_get_hl(0, { name = 'Normal' }).bg
    local sum = 0
    for _, shift in ipairs({ 0, 8, 16 }) do
      sum = sum + math.abs(bit.band(bit.rshift(bg, shift), 255) - bit.band(bit.rshift(ground, shift), 255))
    end
    return sum
  end
  for _, background in ipairs({ 'dark', 'light' }) do
    vim.o.background = background
    vim.cmd.colorscheme('habamax')
    vim.api.nvim_set_hl(0, 'Normal', { bg = background == 'dark' and '#202020' or '#fafafa' })
    vim.api.nvim_exec_autocmds('ColorScheme', {})
    for level = 2, 12 do
      assert(distance(level) > distance(level - 1), ('level %d is no hotter than the one below'):format(level))
    end
  end
end)

--- The hottest word of load_config's body: the one that a hover surely speaks of.
local function hottest(bufnr)
  local first, last = find(bufnr, 'fn load_config'), find(bufnr, 'Ok(config)')
  local best
  for _, mark in ipairs(heat(bufnr)) do
    local level = tonumber(mark.group:match('%d+'))
    if mark.row >= first and mark.row <= last and mark.text:find('^%a') and (not best or level > best.level) then
      best = { level = level, mark = mark }
    end
  end
  return assert(best, 'no hot word').mark
end

local function float()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return window, table.concat(lines_of(vim.api.nvim_win_get_buf(window)), '\n')
    end
  end
end

local function close_floats()
  local window = float()
  while window do
    vim.api.nvim_win_close(window, true)
    window = float()
  end
end

local function float_text(what)
  local text = wait(what, function()
    return (select(2, float()))
  end)
  close_floats()
  return text
end

test('hover names the word and its share', function()
  vim.cmd.buffer(config_file)
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  vim.lsp.buf.hover()
  local text = float_text('a hover')
  assert(text:lower():find('fovea', 1, true), 'no title in ' .. text)
  assert(text:find(word.text, 1, true), ('%s is not in %s'):format(word.text, text))
  assert(text:find('%d+%.?%d* ?%%') or text:find('0%.%d+'), 'no share in ' .. text)
end)

--- What lenses show, by row.
local function lenses(bufnr, servers)
  vim.cmd.redraw()
  local shown = {}
  for name, id in pairs(vim.api.nvim_get_namespaces()) do
    local server = tonumber(name:match('codelens:(%d+)$'))
    if server and (not servers or vim.list_contains(servers, server)) then
      for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, id, 0, -1, { details = true })) do
        local chunks = mark[4].virt_text or (mark[4].virt_lines or {})[1] or {}
        local text = vim.trim(table.concat(vim.tbl_map(function(chunk)
          return chunk[1]
        end, chunks)))
        if text ~= '' and not text:find('Unresolved') then
          shown[mark[2]] = (shown[mark[2]] and shown[mark[2]] .. ' | ' or '') .. text
        end
      end
    end
  end
  return shown
end

test('a lens names the similar function of another open file', function()
  settings_file = open('src/settings.rs')
  complete(settings_file)
  vim.cmd.buffer(config_file)
  local row = find(config_file, 'fn load_config')
  local text = wait('the lens over load_config', function()
    local shown = lenses(config_file)[row]
    return shown and shown:find('read_settings', 1, true) and shown
  end)
  assert(text:find('^≈ %-?%d%.%d%d read_settings'), 'the lens reads ' .. text)
  assert(text:find('settings.rs', 1, true), 'the lens reads ' .. text)
end)

local function at(bufnr, text)
  local row, column = find(bufnr, text)
  return vim.api.nvim_get_current_buf() == bufnr and vim.deep_equal(vim.api.nvim_win_get_cursor(0), { row + 1, column })
end

test('a click on the lens opens the similar function, and the location list keeps it', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'fn load_config')
  picks.wanted = 'read_settings'
  vim.lsp.codelens.run()
  wait('the cursor on read_settings', function()
    return at(settings_file, 'read_settings')
  end)
  local window = vim.fn.bufwinid(settings_file)
  local entries = vim.fn.getloclist(window)
  assert(entries[1] and entries[1].text:find('read_settings', 1, true), 'location list: ' .. vim.inspect(entries))
  -- And the lens is still there for the next click.
  vim.cmd.buffer(config_file)
  local row = find(config_file, 'fn load_config')
  wait('the lens after its click', function()
    local shown = lenses(config_file)[row]
    return shown and shown:find('read_settings', 1, true)
  end)
end)

test('a code action goes to the similar function', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'load_config')
  picks.wanted = 'read_settings'
  vim.lsp.buf.code_action({
    context = { only = { 'fovea' }, diagnostics = {} },
    filter = function(action)
      return action.title:find('read_settings', 1, true) and action.title:lower():find('go to', 1, true) ~= nil
    end,
    apply = true,
  })
  wait('the cursor on read_settings', function()
    return at(settings_file, 'read_settings')
  end)
end)

test(':FoveaSimilar goes there from any place inside the function', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'config.insert')
  picks.wanted = 'read_settings'
  vim.cmd.FoveaSimilar()
  wait('the cursor on read_settings', function()
    return at(settings_file, 'read_settings')
  end)
end)

test('resting on a word highlights the words it draws on, and moving clears them', function()
  vim.cmd.buffer(config_file)
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
  local answer
  require('fovea.client').request(client(), 'textDocument/documentHighlight', params, function(_, result)
    answer = result or {}
  end, config_file)
  wait('highlights', function()
    return answer
  end)
  assert(#answer > 0, 'the server highlights nothing')
  vim.api.nvim_exec_autocmds('CursorHold', { buffer = config_file })
  wait('drawn highlights', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  local lines, expected = lines_of(config_file), {}
  for _, highlight in ipairs(answer) do
    local range, encoding = highlight.range, client().offset_encoding
    local text = lines[range.start.line + 1]
    local from, to = byte(text, range.start.character, encoding), byte(text, range['end'].character, encoding)
    expected[('%d:%d:%d:%d'):format(range.start.line, from, to, highlight.kind)] = true
    local covered = text:sub(from + 1, to)
    assert(covered ~= '' and not covered:find('%s'), 'a highlight covers ' .. vim.inspect(covered))
  end
  local kinds = { FoveaDrawsWeak = 1, FoveaDrawsMiddle = 2, FoveaDrawsStrong = 3 }
  local drawn = {}
  for _, mark in ipairs(marks(config_file, 'fovea_highlight')) do
    drawn[('%d:%d:%d:%d'):format(mark.row, mark.from, mark.to, kinds[mark.group])] = true
  end
  equal(drawn, expected, 'highlights')
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = config_file })
  equal(#marks(config_file, 'fovea_highlight'), 0, 'highlights after the cursor moved')
end)

test('an edit moves the marks with their words until the new heat replaces them', function()
  vim.cmd.buffer(config_file)
  local before = heat(config_file)
  local count = #received[config_file]
  local last = received[config_file][count]
  local row = find(config_file, 'fn load_config')
  vim.api.nvim_buf_set_lines(config_file, row - 1, row - 1, false, { '/// Gives back an ordered map of the values.' })
  local moved = heat(config_file)
  equal(#moved, #before, 'marks right after the edit')
  for i, mark in ipairs(moved) do
    equal(mark.text, before[i].text, 'the word under a mark')
  end
  local message = complete(config_file, count)
  assert(message.version > last.version, 'the version did not rise')
  check_drawn(config_file, message)
  check_words(config_file)
  local hot = vim.tbl_filter(function(mark)
    return mark.row == row - 1
  end, heat(config_file))
  assert(#hot > 0, 'no heat on the new line')
end)

test('heat for another version than the one shown is not drawn', function()
  local current = heat(config_file)
  local all = received[config_file]
  local stale = vim.deepcopy(all[#all])
  stale.version = stale.version - 1
  stale.words = { { 0, 0, 3, 12 } }
  handle(nil, stale, { client_id = client().id, method = 'fovea/heat' })
  equal(heat(config_file), current, 'marks')
  -- The server's next message builds on its own last one.
  handle(nil, vim.deepcopy(all[#all]), { client_id = client().id, method = 'fovea/heat' })
end)

test('heat that comes while an edit is not sent yet is not drawn', function()
  local all = received[config_file]
  local early = vim.deepcopy(all[#all])
  early.words = { { 0, 0, 3, 12 } }
  -- Two edits at once: Neovim sends the first and holds the second back for a moment.
  vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { '// one' })
  vim.api.nvim_buf_set_lines(config_file, 0, 1, false, {})
  local current = heat(config_file)
  handle(nil, early, { client_id = client().id, method = 'fovea/heat' })
  equal(heat(config_file), current, 'marks')
  handle(nil, vim.deepcopy(all[#all]), { client_id = client().id, method = 'fovea/heat' })
  check_drawn(config_file, complete(config_file, #all))
end)

test('an edit is told by what it changed', function()
  assert(changes > 0, 'the server told everything each time')
end)

test('a rewritten buffer gets all its marks back, although its words are the same', function()
  local count = #received[config_file]
  vim.api.nvim_buf_set_lines(config_file, 0, -1, false, lines_of(config_file))
  check_drawn(config_file, complete(config_file, count))
end)

test('heat is still drawn after the file is written', function()
  local count = #received[config_file]
  vim.cmd('silent write')
  go(config_file, 'let mut sum')
  vim.cmd('normal! A // adds up')
  check_drawn(config_file, complete(config_file, count))
end)

test(':FoveaToggleHeat takes the colours away and brings them back', function()
  vim.cmd.FoveaToggleHeat()
  wait('no heat', function()
    return #heat(config_file) == 0 and #heat(settings_file) == 0
  end)
  wait('the status', function()
    return require('fovea.status').get().heat == false
  end)
  vim.cmd.FoveaToggleHeat()
  wait('heat', function()
    return #heat(config_file) > 0 and #heat(settings_file) > 0
  end)
end)

test(':FoveaToggleHighlight silences the highlights and brings them back', function()
  vim.cmd.buffer(config_file)
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  local from = #notices + 1
  vim.cmd.FoveaToggleHighlight()
  assert(noticed(from):find('highlights off', 1, true), noticed(from))
  assert(not require('fovea.highlight').enabled(config_file), 'still enabled')
  vim.cmd.FoveaToggleHighlight()
  wait('highlights', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = config_file })
end)

test(':FoveaMethod changes the method, completes its names and reports a wrong one', function()
  equal(vim.fn.getcompletion('FoveaMethod a', 'cmdline'), { 'alti', 'attention' }, 'completion')
  local count = #received[config_file]
  vim.cmd.FoveaMethod('alti')
  wait('the method in the status', function()
    return require('fovea.status').get().method == 'alti'
  end)
  local message = wait('heat by the method', function()
    local last = complete(config_file, count)
    return last.method == 'alti' and last
  end)
  check_drawn(config_file, message)
  local from = #notices + 1
  vim.cmd.FoveaMethod('nonsense')
  wait('a complaint that names what there is', function()
    return noticed(from):find('decomposition', 1, true)
  end)
  vim.cmd.FoveaMethod('decomposition')
  wait('the first method', function()
    return require('fovea.status').get().method == 'decomposition'
  end)
  complete(config_file)
end)

test('the statusline and :FoveaStatus say what the server does, paused or not', function()
  wait('the method in the statusline', function()
    return fovea.status():find('decomposition', 1, true)
  end)
  vim.cmd.FoveaPause()
  wait('paused', function()
    return fovea.status():find('paused', 1, true)
  end)
  local from = #notices + 1
  vim.cmd.FoveaStatus()
  assert(noticed(from):find('paused', 1, true), noticed(from))
  vim.cmd.FoveaResume()
  wait('resumed', function()
    return not fovea.status():find('paused', 1, true)
  end)
end)

test(':FoveaExplain lists the words of a range and of the document', function()
  vim.cmd.buffer(config_file)
  close_floats()
  local first, last = find(config_file, 'fn load_config') + 1, find(config_file, 'Ok(config)') + 1
  vim.cmd(('%d,%dFoveaExplain'):format(first, last))
  local text = float_text('the explanation of the range')
  assert(text:find('decomposition', 1, true) and text:find('0%.%d%d%d'), text)
  vim.cmd.FoveaExplain()
  text = float_text('the explanation of the document')
  assert(text:find('line %d+') and text:find('0%.%d%d%d'), text)
end)

test(':FoveaCompare shows which word pairs make two ranges similar', function()
  vim.cmd.buffer(config_file)
  close_floats()
  local first = find(config_file, 'fn load_config') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 3))
  vim.cmd.buffer(settings_file)
  first = find(settings_file, 'fn read_settings') + 1
  vim.cmd(('%d,%dFoveaCompare'):format(first, first + 3))
  local text = float_text('the comparison')
  assert(text:find('cosine %-?%d%.%d%d%d%d'), text)
  assert(text:find('↔', 1, true), text)
end)

test('what is on screen is told to the server when it changes', function()
  vim.cmd.buffer(config_file)
  local sent = {}
  local notify = client().rpc.notify
  client().rpc.notify = function(method, params)
    if method == 'fovea/visible' then
      table.insert(sent, vim.deepcopy(params))
    end
    return notify(method, params)
  end
  vim.cmd.resize(10)
  vim.cmd('normal! G')
  vim.cmd.redraw()
  vim.api.nvim_exec_autocmds('BufEnter', { buffer = config_file })
  local message = wait('fovea/visible', function()
    return sent[#sent]
  end)
  client().rpc.notify = notify
  equal(vim.uri_to_bufnr(message.textDocument.uri), config_file, 'document')
  equal(message.range['end'].line, vim.api.nvim_buf_line_count(config_file), 'last line')
  vim.cmd.resize()
end)

local second

test('beside a second server, hover shows both answers', function()
  vim.cmd.buffer(config_file)
  second = vim.lsp.start({ name = 'second', cmd = { 'python3', here .. '/second_server.py' }, root_dir = workspace })
  wait('the second server', function()
    local found = vim.lsp.get_client_by_id(second)
    return found and found.initialized and vim.lsp.buf_is_attached(config_file, second)
  end)
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  close_floats()
  fovea.hover()
  local text = float_text('a hover')
  assert(text:find('second server: `?' .. word.text), 'the second server is missing: ' .. text)
  assert(text:lower():find('fovea', 1, true) and text:find('%d'), 'Fovea is missing: ' .. text)
  equal(vim.api.nvim_get_current_buf(), config_file, 'the buffer of the cursor')
end)

test('beside a second server, both lenses are drawn', function()
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = config_file })
    -- 0.12 draws each line's lenses once a version: those of a server that comes later wait for the next edit.
    vim.api.nvim_buf_set_lines(config_file, -1, -1, false, { '' })
  else
    vim.lsp.codelens.refresh({ bufnr = config_file })
  end
  local row = find(config_file, 'fn load_config')
  wait('both lenses', function()
    local ours = lenses(config_file, { client().id })[row]
    local other = lenses(config_file, { second })[row]
    return ours and ours:find('read_settings', 1, true) and other and other:find('second server: run', 1, true)
  end)
end)

test('beside a second server, its highlights are left alone and ours are silent', function()
  vim.cmd.buffer(config_file)
  -- What the user toggled in this session would win over the default that is tested here.
  package.loaded['fovea.highlight'] = nil
  local highlight = require('fovea.highlight')
  assert(not highlight.enabled(config_file), 'ours should be off beside another server that highlights')
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  vim.lsp.buf.document_highlight()
  local shown = wait('the highlights of the second server', function()
    for name in pairs(vim.api.nvim_get_namespaces()) do
      if name:find('references', 1, true) then
        local found = marks(config_file, name)
        return #found > 0 and found
      end
    end
  end)
  for _, mark in ipairs(shown) do
    equal(mark.text, word.text, 'a word highlighted by the second server')
  end
end)

test('beside a second server, heat still follows edits', function()
  local count = #received[config_file]
  local row = find(config_file, 'fn dot_product')
  vim.api.nvim_buf_set_lines(config_file, row - 1, row - 1, false, { '/// Zero for vectors at a right angle.' })
  check_drawn(config_file, complete(config_file, count))
  stop(assert(vim.lsp.get_client_by_id(second)))
end)

test('a lower threshold, set while the server runs, shows the similar function in another language', function()
  local python = open('tools/preferences.py')
  complete(python)
  local row = find(python, 'def load_preferences')
  -- Two languages have less in common than two namesakes of one: .48 here, below the default threshold.
  client().settings = vim.tbl_deep_extend('force', client().settings, { fovea = { codeLens = { minSimilarity = 0.35 } } })
  require('fovea.client').notify(client(), 'workspace/didChangeConfiguration', { settings = client().settings })
  local text = wait('the lens over load_preferences', function()
    return lenses(python)[row]
  end)
  assert(text:find('load_config', 1, true) or text:find('read_settings', 1, true), 'the lens reads ' .. text)
end)

test(':FoveaRestart starts a new server on the same buffers', function()
  vim.cmd.buffer(config_file)
  local old = client().id
  vim.cmd.FoveaRestart()
  wait('a new client', function()
    return client() and client().id ~= old and vim.lsp.buf_is_attached(config_file, client().id)
  end)
  wait('heat of the new server', function()
    return #heat(config_file) > 0 and #heat(settings_file) > 0
  end)
end)

test(':checkhealth fovea finds nothing wrong', function()
  vim.cmd('silent checkhealth fovea')
  local report = table.concat(lines_of(0), '\n')
  assert(report:find('attached to %d buffer'), report)
  assert(not report:find('ERROR', 1, true), report)
  vim.cmd.bwipeout()
end)

test('the heat goes when the server goes', function()
  stop(client())
  wait('the server gone', function()
    return not client()
  end)
  wait('no heat', function()
    return #heat(config_file) == 0
  end)
end)

finish()
