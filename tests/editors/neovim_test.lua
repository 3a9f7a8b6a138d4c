-- Drives a real Neovim against a real server: nvim --clean --headless -l neovim_test.lua FOVEA
--
-- The file is one session of one user: the tests run in order, share the server and depend on earlier ones. They wait for conditions.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
-- The functions of the harness are available by their names.
setfenv(1, h.scope)

local config_file, settings_file

test('the server attaches and says that it is ready', function()
  configure()
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

-- Without a server, every other test would wait until its time limit.
if h.failures() > 0 then
  finish()
end

test('heat covers whole words, with the levels that the server sent', function()
  -- Messages before the recording are unknown, so an edit and its undo cause a new one.
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
  assert(vim.tbl_count(groups) >= 3, 'too few different levels: ' .. vim.inspect(groups))
end)

test('heat counts characters correctly after multibyte characters', function()
  local row, column = find(config_file, 'default configuration')
  local found = vim.tbl_filter(function(mark)
    return mark.row == row and mark.from >= column
  end, heat(config_file))
  assert(#found > 0, 'no heat after the emoji')
  for _, mark in ipairs(found) do
    assert(('default configuration'):find(mark.text, 1, true), 'a mark covers ' .. mark.text)
  end
end)

test('hover says in a sentence how telling the word is for its function', function()
  vim.cmd.buffer(config_file)
  local word = hottest(config_file)
  vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  vim.lsp.buf.hover()
  local text = float_text('a hover')
  assert(text:find(word.text, 1, true), ('%s is not in %s'):format(word.text, text))
  assert(text:find('load_config', 1, true) and text:find('telling word', 1, true), 'no sentence: ' .. text)
  assert(not text:find('%d%.%d') and not text:find('%%'), 'numbers in ' .. text)
end)

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
  -- The lens can be clicked again.
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

test(':FoveaSimilar goes to the similar function from any line of the function', function()
  vim.cmd.buffer(config_file)
  go(config_file, 'config.insert')
  picks.wanted = 'read_settings'
  vim.cmd.FoveaSimilar()
  wait('the cursor on read_settings', function()
    return at(settings_file, 'read_settings')
  end)
end)

--- The words that the word at the cursor draws on, as marks with position and strength, from the server.
local function sources()
  local params = vim.lsp.util.make_position_params(0, client().offset_encoding)
  local answer
  require('fovea.client').request(client(), 'fovea/drawsOn', params, function(err, result)
    answer = { err or false, result }
  end, config_file)
  wait('an answer', function()
    return answer
  end)
  assert(not answer[1], vim.inspect(answer[1]))
  local lines, expected = lines_of(config_file), {}
  for _, source in ipairs(answer[2].words) do
    local range, encoding = source.range, client().offset_encoding
    local text = lines[range.start.line + 1]
    local from, to = byte(text, range.start.character, encoding), byte(text, range['end'].character, encoding)
    local group = ({ 'FoveaDrawsWeak', 'FoveaDrawsMiddle', 'FoveaDrawsStrong' })[source.strength]
    expected[('%d:%d:%d:%s'):format(range.start.line, from, to, group)] = true
    local covered = text:sub(from + 1, to)
    assert(covered ~= '' and not covered:find('%s'), 'a mark covers ' .. vim.inspect(covered))
  end
  return expected
end

--- Moves the cursor and triggers the event, as when a user moves it.
local function move(text, into)
  go(config_file, text, into)
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = config_file })
end

test('resting on a word marks the words that it draws on, apart from occurrences, until the cursor leaves the word', function()
  vim.cmd.buffer(config_file)
  move('read_to_string')
  equal(#marks(config_file, 'fovea_highlight'), 0, 'marks before the cursor rested')
  wait('marks', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  local drawn = {}
  for _, mark in ipairs(marks(config_file, 'fovea_highlight')) do
    drawn[('%d:%d:%d:%s'):format(mark.row, mark.from, mark.to, mark.group)] = true
    assert(mark.priority > 125, 'the priority is below that of semantic tokens')
  end
  equal(drawn, sources(), 'marks')
  move('read_to_string', 4)
  assert(#marks(config_file, 'fovea_highlight') > 0, 'the marks disappeared inside the word')
  move('let text')
  equal(#marks(config_file, 'fovea_highlight'), 0, 'marks after the cursor moved')
end)

test('an edit and another buffer clear the marks of a word', function()
  for _, leave in ipairs({
    function()
      vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { '' })
      vim.api.nvim_exec_autocmds('TextChanged', { buffer = config_file })
      equal(#marks(config_file, 'fovea_highlight'), 0, 'marks after an edit')
      vim.api.nvim_buf_set_lines(config_file, 0, 1, false, {})
      complete(config_file)
    end,
    function()
      vim.cmd.buffer(settings_file)
      equal(#marks(config_file, 'fovea_highlight'), 0, 'marks in a buffer that was left')
      vim.cmd.buffer(config_file)
    end,
  }) do
    move('let text')
    move('read_to_string')
    wait('marks', function()
      return #marks(config_file, 'fovea_highlight') > 0
    end)
    leave()
  end
end)

test('a server that does not know fovea/drawsOn is asked for document highlights', function()
  move('let text')
  local asked, request = {}, require('fovea.client').request
  require('fovea.client').request = function(_, method, _, handler)
    table.insert(asked, method)
    if method == 'fovea/drawsOn' then
      handler({ code = -32601, message = 'no such method' })
    else
      local at = { start = { line = 0, character = 4 }, ['end'] = { line = 0, character = 9 } }
      handler(nil, { { range = at, kind = 3 } })
    end
    return true, 1
  end
  local old = client().id
  -- The module remembers that a server does not know the request, so the test reloads it.
  package.loaded['fovea.highlight'] = nil
  require('fovea.highlight').refresh(config_file)
  require('fovea.highlight').refresh(config_file)
  require('fovea.client').request = request
  package.loaded['fovea.highlight'] = nil
  equal(asked, { 'fovea/drawsOn', 'textDocument/documentHighlight', 'textDocument/documentHighlight' }, 'requests')
  local mark = marks(config_file, 'fovea_highlight')[1]
  equal({ mark.row, mark.from, mark.to, mark.group, client().id }, { 0, 4, 9, 'FoveaDrawsStrong', old }, 'mark')
  require('fovea.highlight').attach(config_file)
  move('let text')
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
  h.handle(nil, stale, { client_id = client().id, method = 'fovea/heat' })
  equal(heat(config_file), current, 'marks')
  -- The server's next changes refer to its last message.
  h.handle(nil, vim.deepcopy(all[#all]), { client_id = client().id, method = 'fovea/heat' })
end)

test('heat that arrives before an edit is sent is not drawn', function()
  local all = received[config_file]
  local early = vim.deepcopy(all[#all])
  early.words = { { 0, 0, 3, 12 } }
  -- Neovim sends the first of two simultaneous edits and delays the second one.
  vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { '// one' })
  vim.api.nvim_buf_set_lines(config_file, 0, 1, false, {})
  local current = heat(config_file)
  h.handle(nil, early, { client_id = client().id, method = 'fovea/heat' })
  equal(heat(config_file), current, 'marks')
  h.handle(nil, vim.deepcopy(all[#all]), { client_id = client().id, method = 'fovea/heat' })
  check_drawn(config_file, complete(config_file, #all))
end)

test('the heat after an edit contains only changes', function()
  assert(h.changes > 0, 'the server sent the whole heat each time')
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

test(':FoveaToggleHeat removes the colors and restores them', function()
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

test(':FoveaToggleHighlight removes the marks and restores them', function()
  vim.cmd.buffer(config_file)
  move('read_to_string')
  wait('marks', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  local from = #notices + 1
  vim.cmd.FoveaToggleHighlight()
  assert(noticed(from):find('draws on is off', 1, true), noticed(from))
  wait('no marks', function()
    return #marks(config_file, 'fovea_highlight') == 0
  end)
  assert(not require('fovea.highlight').enabled(), 'still enabled')
  vim.cmd.FoveaToggleHighlight()
  wait('marks', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  move('let text')
end)

test(':FoveaMethod changes the method, completes its names and reports a wrong one', function()
  equal(vim.fn.getcompletion('FoveaMethod a', 'cmdline'), { 'alti', 'attention' }, 'completion')
  local count = #received[config_file]
  local from = #notices + 1
  vim.cmd.FoveaMethod('alti')
  wait('the method in the status', function()
    return require('fovea.status').get().method == 'alti'
  end)
  local message = wait('heat by the method', function()
    local last = complete(config_file, count)
    return last.method == 'alti' and last
  end)
  check_drawn(config_file, message)
  wait('a notice that it took effect', function()
    return noticed(from):find('Fovea: method alti', 1, true)
  end)
  equal(#vim.fn.getcompletion('FoveaMethod attention ', 'cmdline'), 7, 'completions: six layers, and all')
  equal(vim.fn.getcompletion('FoveaMethod attention 3 1', 'cmdline'), { '1', '10', '11' }, 'completion of heads')
  count = #received[config_file]
  vim.cmd.FoveaMethod({ args = { 'attention', '3', '7' } })
  wait('one map in the status', function()
    return require('fovea.status').method(require('fovea.status').get()) == 'attention L3 H7'
  end)
  check_drawn(config_file, wait('heat by one map', function()
    local last = complete(config_file, count)
    return last.method == 'attention' and last
  end))
  from = #notices + 1
  vim.cmd.FoveaMethod({ args = { 'attention', '99' } })
  wait('an error that names the layers', function()
    return noticed(from):find('layers 0 to 5', 1, true)
  end)
  from = #notices + 1
  vim.cmd.FoveaMethod('nonsense')
  wait('an error that names the methods', function()
    return noticed(from):find('decomposition', 1, true)
  end)
  vim.cmd.FoveaMethod('decomposition')
  wait('the first method', function()
    return require('fovea.status').get().method == 'decomposition'
  end)
  complete(config_file)
end)

test('the statusline and :FoveaStatus say what the server does, paused or not', function()
  wait('the statusline', function()
    return fovea.status():find('^fovea ready')
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

test('the server learns of the visible range when it changes', function()
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

finish()
