-- Fovea in Neovim beside a second server, and when servers start and end: nvim --clean --headless -l FILE FOVEA
--
-- The file is one session: the tests run in order and depend on earlier ones.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

local config_file = begin()
local settings_file = open('src/settings.rs')

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
  assert(text:find('# fovea', 1, true) and text:find('telling word', 1, true), 'Fovea is missing: ' .. text)
  equal(vim.api.nvim_get_current_buf(), config_file, 'the buffer of the cursor')
end)

test('beside a second server, both lenses are drawn', function()
  local function both()
    local row = find(config_file, 'fn load_config')
    local ours = lenses(config_file, { client().id })[row]
    local other = lenses(config_file, { second })[row]
    return ours and ours:find('read_settings', 1, true) and other and other:find('second server: run', 1, true)
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = config_file })
    -- 0.12 draws a line's lenses once per version: lenses of a server that answers later appear after the next edit.
    again('both lenses', function()
      vim.api.nvim_buf_set_lines(config_file, -1, -1, false, { '' })
    end, both)
  else
    vim.lsp.codelens.refresh({ bufnr = config_file })
    wait('both lenses', both)
  end
end)

test('beside a second server, its occurrences stay, and the words that a word draws on have other marks', function()
  vim.cmd.buffer(config_file)
  -- The second server counts correctly only on ASCII lines.
  go(config_file, 'read_to_string')
  vim.lsp.buf.document_highlight()
  vim.api.nvim_exec_autocmds('CursorMoved', { buffer = config_file })
  local function occurrences()
    for name in pairs(vim.api.nvim_get_namespaces()) do
      if name:find('references', 1, true) then
        local found = marks(config_file, name)
        return #found > 0 and found
      end
    end
  end
  wait('the highlights of the second server', occurrences)
  wait('the marks of Fovea', function()
    return #marks(config_file, 'fovea_highlight') > 0
  end)
  local other = {}
  require('fovea.client').request(
    vim.lsp.get_client_by_id(second),
    'textDocument/documentHighlight',
    vim.lsp.util.make_position_params(0, 'utf-16'),
    function(_, result)
      other = result
    end,
    config_file
  )
  wait('the answer of the second server', function()
    return #other > 0
  end)
  local shown = occurrences()
  equal(#shown, #other, 'occurrences of the second server, and no others')
  for _, mark in ipairs(shown) do
    equal(mark.text, 'read_to_string', 'a word highlighted by the second server')
    assert(not mark.group:find('Fovea'), mark.group)
  end
  for _, mark in ipairs(marks(config_file, 'fovea_highlight')) do
    assert(mark.group:find('^FoveaDraws'), mark.group)
  end
end)

test('beside a second server, heat still follows edits', function()
  local count = #received[config_file]
  local row = find(config_file, 'fn dot_product')
  vim.api.nvim_buf_set_lines(config_file, row - 1, row - 1, false, { '/// Zero for vectors at a right angle.' })
  check_drawn(config_file, complete(config_file, count))
  stop(assert(vim.lsp.get_client_by_id(second)))
end)

test('lowering the threshold while the server runs shows the similar function in another language', function()
  local python = open('tools/preferences.py')
  complete(python)
  local row = find(python, 'def load_preferences')
  -- Functions in two languages are less similar than in one: .48 here, below the default threshold.
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

test('the heat disappears when the server ends', function()
  stop(client())
  wait('the end of the server', function()
    return not client()
  end)
  wait('no heat', function()
    return #heat(config_file) == 0
  end)
end)

finish()
