--- The :Fovea… commands, and the editor's side of the commands in lenses and code actions.
local client = require('fovea.client')

local M = {}

M.methods = { 'decomposition', 'alti', 'attention', 'rollout', 'norm' }

---@param arguments any[]
local function compare(arguments)
  client.execute('fovea.comparePassages', arguments, function(answer)
    if type(answer) == 'table' then
      require('fovea.panel').open(require('fovea.panel').comparison(answer))
    end
  end)
end

---@param arguments any[]
local function explain(arguments)
  client.execute('fovea.explainSelection', arguments, function(answer)
    if type(answer) == 'table' then
      require('fovea.panel').open(require('fovea.panel').explanation(answer, 20))
    end
  end)
end

--- What Neovim runs itself when a lens or a code action names it (|lsp-commands|), instead of sending it to the server.
---@type table<string, fun(command: lsp.Command, context: lsp.HandlerContext)>
M.lsp = {
  ['fovea.showSimilar'] = function(command, context)
    require('fovea.lens').run(command, context)
  end,
  ['fovea.comparePassages'] = function(command)
    compare(command.arguments)
  end,
  ['fovea.explainSelection'] = function(command)
    explain(command.arguments)
  end,
}

--- Our client of the current buffer; says so where there is none.
---@return vim.lsp.Client?
local function attached()
  local found = client.get(0)
  if not found then
    vim.notify('Fovea is not attached to this buffer', vim.log.levels.WARN)
  end
  return found
end

---@return string
local function uri()
  return vim.uri_from_bufnr(0)
end

local function similar()
  local ours = attached()
  if ours then
    local position = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
    require('fovea.lens').ask({ uri = uri(), range = { start = position, ['end'] = position } }, ours)
  end
end

---@param command { line1: integer, line2: integer, range: integer }
local function explain_range(command)
  local ours = attached()
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

---@type { uri: string, range: lsp.Range }?
local remembered

--- The first call remembers a passage, the second compares another with it.
---@param command { line1: integer, line2: integer, range: integer }
local function compare_range(command)
  local ours = attached()
  if not ours then
    return
  end
  local passage = { uri = uri(), range = require('fovea.position').command_range(command, ours) }
  if not remembered then
    remembered = passage
    vim.notify('Fovea: passage remembered; run :FoveaCompare on another one')
    return
  end
  local first = remembered
  remembered = nil
  compare({ first, passage })
end

---@param name string
---@param what string
local function toggle(name, what)
  client.execute(name, {}, function(answer)
    local on = type(answer) == 'table' and answer.enabled
    vim.notify(('Fovea: %s %s'):format(what, on and 'on' or 'off'))
  end)
end

---@param name string
local function set_method(name)
  if name == '' then
    local status = require('fovea.status').get()
    vim.notify('Fovea: method ' .. (status and status.method or 'unknown'))
    return
  end
  client.execute('fovea.setMethod', { name })
end

---@type table<string, { run: fun(command: table), opts: table }>
local commands = {
  FoveaToggleHeat = {
    run = function()
      toggle('fovea.toggleHeat', 'heat')
    end,
    opts = { desc = 'Fovea: heat on or off' },
  },
  FoveaToggleHighlight = {
    run = function()
      local on = require('fovea.highlight').toggle()
      vim.notify('Fovea: highlights ' .. (on and 'on' or 'off'))
    end,
    opts = { desc = 'Fovea: highlights of what a word draws on, on or off' },
  },
  FoveaMethod = {
    run = function(command)
      set_method(command.args)
    end,
    opts = {
      desc = 'Fovea: choose how salience is computed',
      nargs = '?',
      complete = function(lead)
        return vim.tbl_filter(function(method)
          return vim.startswith(method, lead)
        end, M.methods)
      end,
    },
  },
  FoveaSimilar = { run = similar, opts = { desc = 'Fovea: go to what resembles the item under the cursor' } },
  FoveaExplain = { run = explain_range, opts = { desc = 'Fovea: which words carry the document or the range', range = true } },
  FoveaCompare = { run = compare_range, opts = { desc = 'Fovea: why two ranges are similar (run it on each)', range = true } },
  FoveaPause = {
    run = function()
      client.execute('fovea.pause')
    end,
    opts = { desc = 'Fovea: stop all model work' },
  },
  FoveaResume = {
    run = function()
      client.execute('fovea.resume')
    end,
    opts = { desc = 'Fovea: go on after :FoveaPause' },
  },
  FoveaStatus = {
    run = function()
      vim.notify(table.concat(require('fovea.status').report(vim.api.nvim_get_current_buf()), '\n'))
    end,
    opts = { desc = 'Fovea: what the server does' },
  },
  FoveaRestart = { run = client.restart, opts = { desc = 'Fovea: restart the server' } },
}

local created = false

--- Defines the user commands, once.
function M.create()
  if created then
    return
  end
  created = true
  for name, command in pairs(commands) do
    vim.api.nvim_create_user_command(name, command.run, command.opts)
  end
end

return M
