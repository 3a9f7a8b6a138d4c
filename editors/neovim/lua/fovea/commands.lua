--- The commands `:Fovea …` and `:Fovea…`, and the editor's side of the commands in lenses and code actions.
local client = require('fovea.client')

local M = {}

M.methods = { 'decomposition', 'alti', 'attention', 'rollout', 'norm', 'surprisal' }

---@param arguments any[]
local function explain(arguments)
  client.execute('fovea.explainSelection', arguments, function(answer)
    if type(answer) == 'table' then
      require('fovea.panel').open(require('fovea.panel').explanation(answer, 20))
    end
  end)
end

--- The commands of lenses and code actions that Neovim runs itself (|lsp-commands|) instead of sending them to the server.
---@type table<string, fun(command: lsp.Command, context: lsp.HandlerContext)>
M.lsp = {
  ['fovea.showSimilar'] = function(command, context)
    require('fovea.lens').run(command, context)
  end,
  ['fovea.comparePassages'] = function(command, context)
    local ours = vim.lsp.get_client_by_id(context.client_id)
    if ours then
      require('fovea.compare').run(command.arguments[1], command.arguments[2], ours.offset_encoding)
    end
  end,
  ['fovea.classify'] = function(command)
    require('fovea.classify').run(command)
  end,
  ['fovea.explainSelection'] = function(command)
    explain(command.arguments)
  end,
}

---@return string
local function uri()
  return vim.uri_from_bufnr(0)
end

---@param command { bang: boolean }
local function similar(command)
  local ours = client.attached()
  if ours then
    local position = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
    require('fovea.lens').ask({ uri = uri(), range = { start = position, ['end'] = position } }, ours, command.bang)
  end
end

--- Opens a page in a browser that shows what the model does with this document. The page follows the cursor and edits.
local function open_view()
  local ours = client.attached()
  if not ours then
    return
  end
  local position = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
  client.execute('fovea.openView', { { uri = uri(), position = position, show = false } }, function(answer)
    local _, problem = vim.ui.open(answer.address)
    vim.notify(problem and ('Fovea: no browser could be started; the page is at ' .. answer.address) or 'Fovea: the page is open in your browser')
  end)
end

---@param command { line1: integer, line2: integer, range: integer }
local function explain_range(command)
  local ours = client.attached()
  if not ours then
    return
  end
  if command.range > 0 then
    explain({ { uri = uri(), range = require('fovea.position').command_range(command, ours) } })
    return
  end
  client.request(ours, 'fovea/explain', { textDocument = { uri = uri() } }, function(err, answer)
    if err then
      vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
    else
      require('fovea.panel').open(require('fovea.panel').explanation(answer, 5))
    end
  end, 0)
end

---@type { uri: string, range: lsp.Range }? the first of two ranges
local remembered

--- Compares the item at the cursor with a similar item: the only one, or the one that the user chooses.
---@param ours vim.lsp.Client
local function compare_item(ours)
  local here = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
  local params = {
    textDocument = { uri = uri() },
    range = { start = here, ['end'] = here },
    context = { only = { 'fovea' }, diagnostics = {} },
  }
  local run = M.lsp['fovea.comparePassages']
  local context = { client_id = ours.id }
  client.request(ours, 'textDocument/codeAction', params, function(err, actions)
    local found = vim.tbl_filter(function(action)
      return type(action.command) == 'table' and action.command.command == 'fovea.comparePassages'
    end, not err and actions or {})
    if #found == 0 then
      vim.notify('Fovea: nothing is similar to this. To compare any two passages, select one and run :FoveaCompare, then the other')
    elseif #found == 1 then
      run(found[1].command, context)
    else
      local function title(action)
        return action.title
      end
      vim.ui.select(found, { prompt = 'Explain similarity', kind = 'fovea', format_item = title }, function(choice)
        if choice then
          run(choice.command, context)
        end
      end)
    end
  end, 0)
end

--- The first call remembers a range; the second compares another range with it.
---@param command { line1: integer, line2: integer, range: integer, bang: boolean }
local function compare_range(command)
  local ours = client.attached()
  if not ours then
    return
  end
  if command.bang then
    remembered = nil
  end
  if command.range == 0 then
    compare_item(ours)
    return
  end
  local passage = { uri = uri(), range = require('fovea.position').command_range(command, ours) }
  if not remembered then
    remembered = passage
    vim.notify('Fovea: passage remembered; select another one and run :FoveaCompare again')
    return
  end
  local first = remembered
  remembered = nil
  require('fovea.compare').run(first, passage, ours.offset_encoding)
end

local presets = { 'quiet', 'full', 'off' }

--- Sets the preset of the heat; without an argument, shows it.
---@param preset? string
local function set_heat(preset)
  if not preset then
    local status = require('fovea.status').get() or {}
    vim.notify('Fovea: heat ' .. (status.preset or (status.heat and 'on' or 'off')) .. '; choose quiet, full or off')
    return
  end
  if not vim.list_contains(presets, preset) then
    vim.notify(('Fovea: there is no heat "%s"; choose quiet, full or off'):format(preset), vim.log.levels.ERROR)
    return
  end
  client.execute('fovea.setHeat', { preset }, function(answer)
    vim.notify('Fovea: heat ' .. (type(answer) == 'table' and answer.preset or preset))
  end)
end

---@param name string
---@param what string
local function toggle(name, what)
  client.execute(name, {}, function(answer)
    local on = type(answer) == 'table' and answer.enabled
    vim.notify(('Fovea: %s %s'):format(what, on and 'on' or 'off'))
  end)
end

--- Runs a command of the server without an answer, and says that it took effect.
---@param name string
---@param arguments any[]
---@param done string
local function execute(name, arguments, done)
  client.execute(name, arguments, function()
    vim.notify('Fovea: ' .. done)
  end)
end

--- `attention 3 7` uses head 7 of layer 3, `attention 3` all heads of layer 3, `attention * 7` head 7 of all layers.
---@param words string[] a method, and with attention a layer and a head
local function set_method(words)
  local name, layer, head = unpack(words)
  if not name then
    local status = require('fovea.status').get()
    vim.notify('Fovea: method ' .. (status and require('fovea.status').method(status) or 'unknown'))
    return
  end
  if not layer then
    execute('fovea.setMethod', { name }, 'method ' .. name)
    return
  end
  -- The server reports what an argument that is not a number should be.
  local function number(word)
    if word and word ~= '*' then
      return tonumber(word) or word
    end
  end
  local maps = { layer = number(layer), head = number(head) }
  execute('fovea.setMethod', { name, next(maps) and maps or vim.empty_dict() }, 'method ' .. table.concat(words, ' '))
end

---@type table<string, { run: fun(command: table), opts: table }>
local commands = {
  FoveaToggleHeat = {
    run = function()
      toggle('fovea.toggleHeat', 'heat')
    end,
    opts = { desc = 'Fovea: turn heat on or off' },
  },
  FoveaToggleHighlight = {
    run = function()
      local on = require('fovea.highlight').toggle()
      vim.notify('Fovea: marking what a word draws on is ' .. (on and 'on' or 'off'))
    end,
    opts = { desc = 'Fovea: turn the marks of words that a word draws on on or off' },
  },
  FoveaMethod = {
    run = function(command)
      set_method(command.fargs)
    end,
    opts = {
      desc = 'Fovea: choose how salience is computed; with attention also a layer and a head',
      nargs = '*',
      complete = function(lead, line)
        local numbers = require('fovea.status').completion(line)
        if numbers then
          return numbers
        end
        return vim.tbl_filter(function(method)
          return vim.startswith(method, lead)
        end, M.methods)
      end,
    },
  },
  FoveaSimilar = {
    run = similar,
    opts = { desc = 'Fovea: go to an item similar to the one under the cursor; with ! list them', bang = true },
  },
  FoveaSearch = {
    run = function(command)
      require('fovea.search').run(command.args, command.bang)
    end,
    opts = { desc = 'Fovea: search by meaning; with ! choose instead of listing', nargs = '*', bang = true },
  },
  FoveaAsk = {
    run = function(command)
      require('fovea.ask').run(command.args, false, command.bang)
    end,
    opts = { desc = 'Fovea: find answers to a question; with ! only in this document', nargs = '*', bang = true },
  },
  FoveaAnswer = {
    run = function(command)
      require('fovea.answer').run(command.args, command.bang)
    end,
    opts = { desc = 'Fovea: write an answer to a question, with its sources; with ! only from this document', nargs = '*', bang = true },
  },
  FoveaView = {
    run = open_view,
    opts = { desc = 'Fovea: show in a browser what the model does with this document' },
  },
  FoveaPredict = {
    run = function(command)
      require('fovea.predict').ask(require('fovea.classify').here(), command.bang)
    end,
    opts = { desc = 'Fovea: predict at the cursor, and say why; with ! why not another token', bang = true },
  },
  FoveaClassify = {
    run = function(command)
      local classify = require('fovea.classify')
      if command.args ~= '' then
        classify.relabel(classify.here(), command.args)
      else
        classify.ask(classify.here(), command.bang)
      end
    end,
    opts = { desc = 'Fovea: show the words that decided for the class here; with a label or ! correct the class', nargs = '*', bang = true },
  },
  FoveaUpdateIndex = {
    run = function()
      execute('fovea.updateIndex', {}, 'the index of the folder is being updated')
    end,
    opts = { desc = 'Fovea: update the index of the workspace now' },
  },
  FoveaExplain = { run = explain_range, opts = { desc = 'Fovea: show the most telling words of the document or the range', range = true } },
  FoveaCompare = {
    run = compare_range,
    opts = { desc = 'Fovea: show why two ranges, or the item under the cursor and a similar one, are similar', range = true, bang = true },
  },
  FoveaPause = {
    run = function()
      execute('fovea.pause', {}, 'paused; :FoveaResume continues')
    end,
    opts = { desc = 'Fovea: stop all model work' },
  },
  FoveaResume = {
    run = function()
      execute('fovea.resume', {}, 'continues')
    end,
    opts = { desc = 'Fovea: continue after :FoveaPause' },
  },
  FoveaStatus = {
    run = function()
      vim.notify(table.concat(require('fovea.status').report(vim.api.nvim_get_current_buf()), '\n'))
    end,
    opts = { desc = 'Fovea: show what the server does' },
  },
  FoveaRestart = { run = client.restart, opts = { desc = 'Fovea: restart the server' } },
}

--- The words after `:Fovea`, and their commands.
local words = {
  answer = 'FoveaAnswer',
  ask = 'FoveaAsk',
  classify = 'FoveaClassify',
  compare = 'FoveaCompare',
  explain = 'FoveaExplain',
  highlight = 'FoveaToggleHighlight',
  method = 'FoveaMethod',
  predict = 'FoveaPredict',
  pause = 'FoveaPause',
  restart = 'FoveaRestart',
  resume = 'FoveaResume',
  search = 'FoveaSearch',
  similar = 'FoveaSimilar',
  status = 'FoveaStatus',
  update = 'FoveaUpdateIndex',
  view = 'FoveaView',
}

--- `:Fovea WORD …`; without a word the legend.
---@param command table
local function run(command)
  local word, rest = command.args:match('^(%S*)%s*(.-)%s*$')
  if word == '' or word == 'legend' then
    require('fovea.legend').open()
  elseif word == 'why' then
    require('fovea.why').run()
  elseif word == 'trust' then
    require('fovea.trust').run()
  elseif word == 'heat' then
    set_heat(rest ~= '' and rest or nil)
  elseif words[word] then
    local split = rest ~= '' and vim.split(rest, '%s+') or {}
    commands[words[word]].run(vim.tbl_extend('force', command, { args = rest, fargs = split }))
  else
    vim.notify(('Fovea: there is no `:Fovea %s`; :h :Fovea lists what there is'):format(word), vim.log.levels.ERROR)
  end
end

---@param lead string
---@param line string
---@return string[]
local function complete(lead, line)
  local before = vim.split(vim.trim(line:sub(1, #line - #lead)):gsub('^.-Fovea!?%s*', ''), '%s+', { trimempty = true })
  local from = {}
  if #before == 0 then
    from = vim.list_extend(vim.tbl_keys(words), { 'heat', 'legend', 'trust', 'why' })
  elseif before[1] == 'heat' then
    from = vim.list_slice(presets)
  elseif before[1] == 'method' then
    return commands.FoveaMethod.opts.complete(lead, line)
  end
  table.sort(from)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, from)
end

local created = false

--- Defines the user commands and the `<Plug>` keys, once.
function M.create()
  if created then
    return
  end
  created = true
  for name, command in pairs(commands) do
    vim.api.nvim_create_user_command(name, command.run, command.opts)
  end
  vim.api.nvim_create_user_command('Fovea', run, {
    desc = 'Fovea: legend, why, trust, heat, ask, answer, search, similar, compare, …',
    nargs = '*',
    bang = true,
    range = true,
    complete = complete,
  })
  require('fovea.keys').define()
end

return M
