-- Classes by the user's own probe, and predictions at a position: nvim --clean --headless -l FILE FOVEA
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

local folder = vim.fn.tempname()
vim.fn.mkdir(folder, 'p')
local labels, probe = folder .. '/labels.csv', folder .. '/configuration.json'
assert(vim.uv.fs_copyfile(here .. '/probe/labels.csv', labels))
vim.fn.system({ program, 'probe', 'train', '--out', probe, labels })

local config_file

--- The titles of the lenses that name a class.
local function classes()
  local asked = { textDocument = { uri = vim.uri_from_bufnr(config_file) } }
  local answers = vim.lsp.buf_request_sync(config_file, 'textDocument/codeLens', asked, 5000) or {}
  local titles = {}
  for _, lens in ipairs((answers[client().id] or {}).result or {}) do
    if lens.command and lens.command.command == 'fovea.classify' then
      table.insert(titles, lens.command.title)
    end
  end
  return titles
end

local function within(text)
  vim.api.nvim_set_current_buf(config_file)
  local row, column = find(config_file, text)
  vim.api.nvim_win_set_cursor(0, { row + 1, column })
end

test('a lens names the class of a function', function()
  config_file = begin({ settings = { ['classify.probe'] = probe } })
  local titles = wait('the lens', function()
    local found = classes()
    return #found > 0 and found
  end)
  equal(#titles, 1, 'lenses')
  assert(titles[1]:find('^configuration [.1]'), titles[1])
end)

test(':FoveaClassify lists the words that decided', function()
  within('read_to_string')
  vim.cmd.FoveaClassify()
  local window = wait('the window', function()
    for _, id in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(id).relative ~= '' then
        return id
      end
    end
  end)
  local text = table.concat(lines_of(vim.api.nvim_win_get_buf(window)), '\n')
  assert(text:find('%% +configuration') and text:find('why configuration: logit %+'), text)
  vim.api.nvim_win_close(window, true)
end)

test(':FoveaClassify! lets the user choose the right label, and the probe learns it', function()
  local from, before = #notices + 1, classes()[1]
  within('read_to_string')
  picks.wanted = 'other'
  vim.cmd('FoveaClassify!')
  wait('the notice', function()
    return noticed(from):find('learned from 13 labels', 1, true)
  end)
  wait('another class', function()
    return classes()[1] ~= before
  end)
  assert(table.concat(vim.fn.readfile(labels), '\n'):find(',other,rust$'), 'the file has no new label')
end)

test(':FoveaPredict says that the built-in model cannot predict', function()
  local from = #notices + 1
  vim.cmd.FoveaPredict()
  wait('the notice', function()
    return noticed(from):find('set fovea.model.generator', 1, true)
  end)
end)

test(':FoveaPredict lists tokens, and marks the words that contribute to the chosen one', function()
  configure({ settings = { ['model.dir'] = root .. '/tests/fixtures/tiny-llama' } })
  wait('the model', function()
    return status().state == 'ready' and (status().model or ''):find('tiny-llama', 1, true)
  end)
  within('load_config')
  picks.wanted = ' %'
  local from = #notices + 1
  again('the words', function()
    vim.cmd.FoveaPredict()
  end, function()
    return noticed(from):find('Fovea: ".*": .* [+-]%d')
  end)
  equal(#picks.offered, 10, 'tokens')
  local marks = vim.api.nvim_buf_get_extmarks(config_file, require('fovea.ask').namespace, 0, -1, {})
  assert(#marks > 0, 'no word is marked')
  vim.api.nvim_buf_set_lines(config_file, 0, 0, false, { '' })
  wait('no marks after an edit', function()
    vim.api.nvim_exec_autocmds('TextChanged', { buffer = config_file })
    return #vim.api.nvim_buf_get_extmarks(config_file, require('fovea.ask').namespace, 0, -1, {}) == 0
  end)
end)

vim.fn.delete(folder, 'rf')
finish()
