-- Helpers for the tests in Neovim: a copy of the workspace, waiting for conditions, the drawn marks and the server's messages.
local M = { changes = 0 }

local program = assert(_G.arg[1], 'usage: nvim --clean --headless -l TEST.lua FOVEA')
local here = vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p')))
local root = vim.fs.dirname(vim.fs.dirname(here))
local modern = vim.fn.has('nvim-0.11') == 1
local patience = tonumber(vim.env.FOVEA_TEST_PATIENCE or 60) * 1000

-- A copy, since the tests edit; `.git` makes it a project.
local workspace = vim.fn.tempname()
vim.fn.mkdir(workspace .. '/.git', 'p')
vim.fn.system({ 'cp', '-r', here .. '/workspace/.', workspace })
workspace = assert(vim.uv.fs_realpath(workspace))
vim.fn.chdir(workspace)

vim.opt.runtimepath:prepend(root .. '/editors/neovim')
vim.o.swapfile = false
vim.o.hidden = true
vim.cmd('filetype on')
-- The README suggests this line.
vim.o.statusline = "%f %{v:lua.require'fovea'.status()}"

local passed, failed = 0, 0
-- A pattern for work on single tests: the other tests are skipped.
local only = vim.env.FOVEA_TEST_ONLY

---@param name string
---@param body fun()
local function test(name, body)
  if only and not name:find(only) then
    return
  end
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

--- Waits until `condition` returns something true, and returns that.
local function wait(what, condition)
  local value
  if not vim.wait(patience, function()
    value = condition()
    return value
  end, 20) then
    -- The status says most about a server that does not come to what is waited for.
    error(('timed out waiting for %s; the status is %s'):format(what, vim.inspect(require('fovea.status').get())), 2)
  end
  return value
end

--- Like `wait`, but repeats the action every second: searches find a new file only after the model has read it.
local function again(what, action, condition)
  local deadline = vim.uv.now() + patience
  repeat
    action()
    if vim.wait(1000, condition, 20) then
      return
    end
  until vim.uv.now() > deadline
  error('timed out trying for ' .. what, 2)
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

-- Chooses the entry that contains `wanted`, and records the offered entries.
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

--- Row and byte column, both from zero, of the first occurrence of `text`.
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

--- The extmarks of a namespace, with the text that each covers.
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

--- Converts a column in the negotiated encoding to bytes, independently of the code under test.
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

-- Every fovea/heat by buffer, recorded before the plugin handles it. Changes are applied independently of the code under test.
local received = {}
local function whole(params, before)
  local message, change = vim.deepcopy(params), params.changed
  if not change then
    return message
  end
  M.changes = M.changes + 1
  assert(before and before.version == change.since, 'the changes refer to a message that did not arrive')
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

-- `M.handle` is the plugin's handler without recording.
local function record(client)
  local handler = client.handlers['fovea/heat']
  M.handle = handler
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

--- Waits until the last message for a buffer is complete and of the current text.
local function complete(bufnr, from)
  return wait('complete heat of ' .. vim.api.nvim_buf_get_name(bufnr), function()
    local all = received[bufnr] or {}
    local last = all[#all]
    return #all > (from or 0) and last.complete and require('fovea.versions').current(bufnr, last.version) and last
  end)
end

--- The highlight group of a level. Average words have level 4, and there are three tones.
local function tone(level)
  return 'FoveaHeat' .. (level < 6 and 1 or level < 9 and 2 or 3)
end

--- Fails unless the marks drawn are exactly those of the message.
local function check_drawn(bufnr, message)
  local lines, expected = lines_of(bufnr), {}
  local encoding = client().offset_encoding
  for _, word in ipairs(message.words) do
    local line, from, to, level = unpack(word)
    local text = lines[line + 1]
    table.insert(expected, { line, byte(text, from, encoding), byte(text, to, encoding), tone(level) })
  end
  local drawn = vim.tbl_map(function(mark)
    -- A word with a color that would be hard to read has the same tone with another text color.
    return { mark.row, mark.from, mark.to, (mark.group:gsub('Text', '')) }
  end, heat(bufnr))
  equal(drawn, expected, 'marks')
end

--- Fails if a mark covers spaces or only a part of an identifier.
local function check_words(bufnr)
  local lines = lines_of(bufnr)
  for _, mark in ipairs(heat(bufnr)) do
    assert(mark.text and mark.text ~= '' and not mark.text:find('%s'), 'a mark covers ' .. vim.inspect(mark))
    local before = lines[mark.row + 1]:sub(mark.from, mark.from)
    local after = lines[mark.row + 1]:sub(mark.to + 1, mark.to + 1)
    local cut = (before:find('^%a') and mark.text:find('^%a')) or (after:find('^%a') and mark.text:find('%a$'))
    assert(not cut, ('%q is only a part of a word in %q'):format(mark.text, lines[mark.row + 1]))
  end
end

--- The word of load_config with the most heat; its hover is never empty.
local function hottest(bufnr)
  local first, last = find(bufnr, 'Reads the configuration file'), find(bufnr, 'Ok(config)')
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

--- The text of lenses by row.
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

local function at(bufnr, text)
  local row, column = find(bufnr, text)
  return vim.api.nvim_get_current_buf() == bufnr and vim.deep_equal(vim.api.nvim_win_get_cursor(0), { row + 1, column })
end

--- Sets the options of this session, extended by `options`; a running server gets them at once.
---
--- Every word has heat, so that there is much to check. neovim_calm_test.lua tests the defaults.
local function configure(options)
  local all = { cmd = { program, 'serve' }, settings = { heat = { preset = 'full' } } }
  if vim.tbl_get(options or {}, 'settings', 'heat.preset') then
    all.settings = {}
  end
  fovea.setup(vim.tbl_deep_extend('force', all, options or {}))
end

local function status()
  return require('fovea.status').get() or {}
end

--- Waits until the folder is indexed.
local function indexed()
  return wait('the index', function()
    local index = status().index
    return index and index.state == 'ready' and index.items >= 6 and index
  end)
end

--- Starts the server on one file of the workspace, and waits for the heat.
local function begin(options)
  configure(options)
  local bufnr = open('src/config.rs')
  record(wait('a client', client))
  wait('the state ready', function()
    return status().state == 'ready'
  end)
  -- Messages before the recording are unknown, so an edit and its undo cause a new one.
  vim.api.nvim_buf_set_lines(bufnr, 0, 0, false, { '' })
  vim.api.nvim_buf_set_lines(bufnr, 0, 1, false, {})
  complete(bufnr)
  return bufnr
end

M.scope = setmetatable({
  program = program,
  here = here,
  root = root,
  modern = modern,
  workspace = workspace,
  test = test,
  finish = finish,
  wait = wait,
  again = again,
  equal = equal,
  notices = notices,
  noticed = noticed,
  picks = picks,
  open = open,
  lines_of = lines_of,
  find = find,
  go = go,
  marks = marks,
  heat = heat,
  byte = byte,
  received = received,
  record = record,
  fovea = fovea,
  stop = stop,
  client = client,
  configure = configure,
  status = status,
  indexed = indexed,
  begin = begin,
  complete = complete,
  check_drawn = check_drawn,
  tone = tone,
  check_words = check_words,
  hottest = hottest,
  float = float,
  close_floats = close_floats,
  float_text = float_text,
  lenses = lenses,
  at = at,
}, { __index = _G })

--- The number of failed tests so far.
function M.failures()
  return failed
end

return M
