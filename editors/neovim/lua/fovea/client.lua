--- The connection: the client's configuration, Fovea's clients, and the differences between Neovim's versions.
local config = require('fovea.config')

local M = {}

local modern = vim.fn.has('nvim-0.11') == 1

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler? lsp.Handler
---@param bufnr? integer
function M.request(client, method, params, handler, bufnr)
  if modern then
    return client:request(method, params, handler, bufnr)
  end
  return client.request(method, params, handler, bufnr)
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  if modern then
    return client:notify(method, params)
  end
  return client.notify(method, params)
end

---@param client vim.lsp.Client
---@param method string
---@param bufnr integer
---@return boolean
function M.supports(client, method, bufnr)
  if modern then
    return client:supports_method(method, bufnr)
  end
  return client.supports_method(method, { bufnr = bufnr })
end

---@param client vim.lsp.Client
---@return boolean
local function stopped(client)
  if modern then
    return client:is_stopped()
  end
  return client.is_stopped()
end

--- The buffers that a client is attached to.
---@param client vim.lsp.Client
---@return integer[]
function M.buffers(client)
  local buffers = vim.tbl_keys(client.attached_buffers)
  table.sort(buffers)
  return buffers
end

--- Fovea's client of a buffer, or any of its clients.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.get(bufnr)
  return vim.lsp.get_clients({ name = 'fovea', bufnr = bufnr })[1]
end

--- Fovea's client of the current buffer; shows a message if there is none.
---@return vim.lsp.Client?
function M.attached()
  local found = M.get(0)
  if not found then
    vim.notify('Fovea is not attached to this buffer; :Fovea status says why', vim.log.levels.WARN)
  end
  return found
end

--- Runs one of the server's commands. Returns a function that cancels it, or nil if there is no server.
---@param command string
---@param arguments? any[]
---@param more table more parameters, such as a token for progress
---@param done fun(err?: lsp.ResponseError, result: any)
---@return fun()?
function M.command(command, arguments, more, done)
  local client = M.get(0) or M.get()
  if not client then
    vim.notify('Fovea is not running; `:checkhealth fovea` says why', vim.log.levels.WARN)
    return nil
  end
  local params = vim.tbl_extend('force', { command = command, arguments = arguments }, more)
  local ok, id = M.request(client, 'workspace/executeCommand', params, done)
  return function()
    if ok and id then
      M.notify(client, '$/cancelRequest', { id = id })
    end
  end
end

--- Runs one of the server's commands; `done` gets its answer, errors are shown.
---@param command string
---@param arguments? any[]
---@param done? fun(result: any)
function M.execute(command, arguments, done)
  M.command(command, arguments, {}, function(err, result)
    if err then
      vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
    elseif done then
      done(result)
    end
  end)
end

local function capabilities()
  local made = vim.lsp.protocol.make_client_capabilities()
  made.experimental = vim.tbl_extend('force', made.experimental or {}, {
    fovea = { heat = true, heatChanges = true, status = true, drawsOn = true },
  })
  -- Before 0.12 Neovim neither draws lenses automatically nor declares the refresh; lens.lua does both there.
  made.workspace.codeLens = { refreshSupport = true }
  return made
end

--- Puts the current settings into the initialization: the server reads some of them only at the start.
---@param params lsp.InitializeParams
---@param made vim.lsp.ClientConfig
local function before_init(params, made)
  -- vim.lsp.config merges with earlier calls, so settings of an earlier setup() are still there.
  if M.set_again then
    made.settings.fovea = config.settings().fovea
  end
  params.initializationOptions = made.settings
end

---@param client vim.lsp.Client
local function on_init(client)
  require('fovea.versions').observe(client)
  require('fovea.trouble').check_protocol(client)
  -- Neovim asks every capable server for highlights and draws all answers: textual occurrences would be mixed with the references of a
  -- primary server. So the capability is hidden from Neovim; highlight.lua marks the words that a word draws on.
  client.server_capabilities.documentHighlightProvider = nil
  require('fovea.commands').create()
end

---@param client vim.lsp.Client
---@param bufnr integer
local function on_attach(client, bufnr)
  require('fovea.versions').attach(bufnr)
  require('fovea.visible').attach(bufnr)
  require('fovea.lens').attach(client, bufnr)
  require('fovea.highlight').attach(bufnr)
  require('fovea.hover').attach(bufnr)
  require('fovea.keys').attach(bufnr)
  vim.schedule(require('fovea.legend').hint)
end

--- Handles "*", which means every language for the server; Neovim treats it as the name of a language.
---@type lsp.Handler
local function on_register(err, params, context)
  for _, registration in ipairs(params and params.registrations or {}) do
    local options = registration.registerOptions
    local selector = type(options) == 'table' and options.documentSelector
    for _, filter in ipairs(type(selector) == 'table' and selector or {}) do
      if filter.language == '*' then
        options.documentSelector = nil
        break
      end
    end
  end
  return vim.lsp.handlers['client/registerCapability'](err, params, context)
end

--- The configuration of the client, for vim.lsp.config and vim.lsp.start alike.
---@return vim.lsp.Config
function M.config()
  local options = config.options
  local lens = require('fovea.lens')
  local handlers = {
    ['fovea/heat'] = require('fovea.heat').handler,
    ['fovea/status'] = require('fovea.status').handler,
    ['client/registerCapability'] = on_register,
  }
  if not vim.lsp.codelens.enable then
    handlers['workspace/codeLens/refresh'] = lens.on_refresh
  end
  return {
    name = 'fovea',
    cmd = options.cmd,
    filetypes = options.filetypes,
    root_markers = options.root_markers,
    capabilities = capabilities(),
    before_init = before_init,
    settings = config.settings(),
    handlers = handlers,
    commands = require('fovea.commands').lsp,
    on_init = on_init,
    on_attach = on_attach,
    on_exit = require('fovea.trouble').on_exit,
    get_language_id = function(_, filetype)
      return filetype ~= '' and filetype or 'plaintext'
    end,
    -- One process for all projects, so that only one model is in memory.
    reuse_client = function(client)
      return client.name == 'fovea' and not stopped(client)
    end,
  }
end

--- Sends the settings to running servers; they take effect at once.
function M.apply_settings()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'fovea' })) do
    client.settings = config.settings()
    M.notify(client, 'workspace/didChangeConfiguration', { settings = client.settings })
  end
end

--- Attaches the server to a buffer with a file, like vim.lsp.enable in later versions.
---@param bufnr integer
function M.start(bufnr)
  local made = modern and vim.deepcopy(vim.lsp.config.fovea) or M.config()
  local wanted = made.filetypes
  if vim.bo[bufnr].buftype ~= '' or (wanted and not vim.list_contains(wanted, vim.bo[bufnr].filetype)) then
    return
  end
  require('fovea.untitled').register(bufnr)
  local named = vim.api.nvim_buf_get_name(bufnr) ~= ''
  made.root_dir = vim.fs.root(named and bufnr or vim.fn.getcwd(), made.root_markers)
  vim.lsp.start(made, { bufnr = bufnr, reuse_client = made.reuse_client })
end

--- Restarts the server on the same buffers.
function M.restart()
  require('fovea.trouble').forget()
  local buffers = {}
  for _, client in ipairs(vim.lsp.get_clients({ name = 'fovea' })) do
    vim.list_extend(buffers, M.buffers(client))
    if modern then
      client:stop()
    else
      client.stop()
    end
  end
  -- vim.lsp.start would return a client that is still stopping.
  vim.wait(5000, function()
    return M.get() == nil
  end, 20)
  for _, bufnr in ipairs(buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      M.start(bufnr)
    end
  end
end

return M
