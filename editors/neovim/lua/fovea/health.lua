--- :checkhealth fovea
local M = {}

local health = vim.health

local protocol = require('fovea.trouble').protocol

local function check_program()
  local cmd = require('fovea.config').options.cmd
  local path = vim.fn.exepath(cmd[1])
  if path == '' then
    health.error(('`%s` is not an executable in PATH'):format(cmd[1]), {
      'install Fovea, or give its path: require("fovea").setup({ cmd = { "/path/to/fovea", "serve" } })',
    })
    return
  end
  local run = vim.system({ path, '--version' }, { text = true, timeout = 5000 }):wait()
  if run.code == 0 then
    health.ok(('%s (%s)'):format(vim.trim(run.stdout), path))
  else
    health.error(('%s --version failed: %s'):format(path, vim.trim(run.stderr or '')), { 'run `fovea doctor` in a terminal' })
  end
end

local function check_options()
  local config = require('fovea.config')
  for _, problem in ipairs(config.problems) do
    health.error(problem, { ':help fovea-setup' })
  end
  -- Options that contradict settings.
  local options, settings = config.options, config.settings().fovea
  local function off(path)
    local value = vim.tbl_get(settings, unpack(vim.split(path, '.', { plain = true })))
    return value == false or settings[path] == false
  end
  if off('heat.enable') then
    health.warn('settings.heat.enable is false: no heat is drawn', { ':FoveaToggleHeat shows it for this session' })
  end
  if options.lens.enable and off('codeLens.enable') then
    health.warn('lens.enable is true, but settings.codeLens.enable is false: there are no lenses')
  end
  if options.highlight.enable ~= false and off('highlight.enable') then
    health.warn('highlight.enable is true, but settings.highlight.enable is false: nothing is marked')
  end
  if #config.problems == 0 then
    health.ok('options are valid')
  end
end

local function check_editor()
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.10.4') == 0 then
    health.error('Neovim ' .. version .. ' is too old', { '0.10.4 or later is needed' })
  else
    health.ok('Neovim ' .. version)
  end
  if vim.o.termguicolors or vim.fn.has('gui_running') == 1 then
    health.ok('true colors: three tones of heat')
  else
    health.warn("'termguicolors' is off: 256 colors tell the tones of heat apart badly")
  end
end

---@param client vim.lsp.Client
local function check_protocol(client)
  local told = vim.tbl_get(client.server_capabilities or {}, 'experimental', 'fovea', 'protocol')
  local version = vim.tbl_get(client, 'server_info', 'version') or ''
  if told == protocol then
    health.ok(('server %s speaks protocol %d, as the plugin does'):format(version, protocol))
  else
    health.error(('the server speaks protocol %s, the plugin %d'):format(told or 'none', protocol), {
      'take the plugin and the program `fovea` from the same release',
    })
  end
end

---@param index fovea.Index?
local function check_index(index)
  if not index then
    health.info('no index: no folder is open, or settings.index.enable is false; similar items come from open files')
    return
  end
  local text = require('fovea.status').describe_index(index)
  if index.state == 'cancelled' or index.state == 'battery' then
    health.warn(text, { ':FoveaUpdateIndex' })
  else
    health.ok(text)
  end
  for _, refused in ipairs(index.refused or {}) do
    health.warn('not indexed: ' .. refused)
  end
end

---@param client vim.lsp.Client
local function check_client(client)
  check_protocol(client)
  local buffers = require('fovea.client').buffers(client)
  health.ok(('attached to %d buffer(s), positions in %s'):format(#buffers, client.offset_encoding))
  for _, bufnr in ipairs(buffers) do
    for _, other in ipairs(vim.lsp.get_clients({ bufnr = bufnr })) do
      if other.offset_encoding ~= client.offset_encoding then
        health.info(('%s counts positions in %s in buffer %d'):format(other.name, other.offset_encoding, bufnr))
      end
    end
    health.info(
      ('buffer %d: marks of what a word draws on %s, heat %s'):format(
        bufnr,
        require('fovea.highlight').enabled() and 'on' or 'off (:FoveaToggleHighlight)',
        require('fovea.heat').last(bufnr) and 'drawn' or 'not drawn yet'
      )
    )
  end
  local status = require('fovea.status').get()
  if not status then
    health.warn('no status from the server yet')
  elseif status.health == 'error' then
    health.error(status.message or status.state, { 'run `fovea doctor` in a terminal', ':FoveaRestart' })
  elseif status.health == 'warning' then
    health.warn(status.message or status.state)
  else
    health.ok(('%s, model %s, method %s'):format(status.state, status.model or 'not loaded yet', status.method))
  end
  if status then
    check_index(status.index)
  end
  for _, document in ipairs(status and status.inactive or {}) do
    health.info(('%s is not analyzed: %s'):format(vim.uri_to_fname(document.uri), document.reason))
  end
end

function M.check()
  health.start('fovea: program')
  check_program()
  health.start('fovea: options')
  check_options()
  health.start('fovea: editor')
  check_editor()
  health.start('fovea: server')
  local clients = vim.lsp.get_clients({ name = 'fovea' })
  if #clients == 0 then
    health.warn('not running', { 'open a file', 'call require("fovea").setup() or vim.lsp.enable("fovea")' })
  end
  for _, client in ipairs(clients) do
    check_client(client)
  end
end

return M
