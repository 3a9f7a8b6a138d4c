--- Shows advice if the program is missing, too old, or ends unexpectedly. Each message appears once in a session.
local M = {}

--- The version of the protocol of fovea/heat and fovea/status that this plugin supports.
M.protocol = 1

local INSTALL = 'install Fovea (`cargo install --path .` in its repository)'

---@type table<string, true>
local told = {}

---@param message string
local function tell(message)
  if told[message] then
    return
  end
  told[message] = true
  vim.schedule(function()
    vim.notify('Fovea: ' .. message, vim.log.levels.ERROR)
  end)
end

--- Shows each message again, after a user asked for another start.
function M.forget()
  told = {}
end

--- Whether the program exists; shows a message if it does not.
---@param cmd string[]
---@return boolean
function M.can_run(cmd)
  if vim.fn.executable(cmd[1]) == 1 then
    return true
  end
  local named = cmd[1]:find('[/\\]') and ('`%s` is not a program'):format(cmd[1])
    or ('the program `%s` is not in PATH'):format(cmd[1])
  tell(
    ('%s; %s, or set its path: require("fovea").setup({ cmd = { "/path/to/fovea", "serve" } }). `:checkhealth fovea` says more.'):format(
      named,
      INSTALL
    )
  )
  return false
end

--- Like `can_run`, but waits for a file for which the server would start.
---@param cmd string[]
function M.say_at_first_file(cmd)
  if vim.fn.executable(cmd[1]) == 1 then
    return
  end
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' and vim.bo[bufnr].buftype == '' then
      M.can_run(cmd)
      return
    end
  end
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('fovea_missing', {}),
    callback = function(event)
      if vim.bo[event.buf].buftype == '' then
        M.can_run(cmd)
        return true
      end
    end,
  })
end

--- The path of the program, or the configured name.
---@param client vim.lsp.Client
---@return string
local function program(client)
  local cmd = client.config.cmd
  local name = type(cmd) == 'table' and cmd[1] or 'fovea'
  local path = vim.fn.exepath(name)
  return path ~= '' and path or name
end

--- Shows a message if plugin and server are incompatible.
---@param client vim.lsp.Client
---@return boolean fits
function M.check_protocol(client)
  local speaks = vim.tbl_get(client.server_capabilities or {}, 'experimental', 'fovea', 'protocol')
  if speaks == M.protocol then
    return true
  end
  if type(speaks) ~= 'number' or speaks < M.protocol then
    tell(
      ('%s is too old for this plugin (protocol %s, needed is %d); update the program, then :FoveaRestart'):format(
        program(client),
        type(speaks) == 'number' and speaks or 'unknown',
        M.protocol
      )
    )
  else
    tell(
      ('this plugin is too old for %s (protocol %d, the plugin has %d); update the plugin and restart Neovim'):format(
        program(client),
        speaks,
        M.protocol
      )
    )
  end
  return false
end

--- Reports a program that ended unexpectedly, such as one that does not know `serve`.
---@param code integer
---@param signal integer
---@param client_id integer
function M.on_exit(code, signal, client_id)
  -- Neovim ends a server with the signal 15, which gives the code 143.
  if code == 0 or code == 143 or signal == 15 then
    return
  end
  vim.schedule(function()
    local client = vim.lsp.get_client_by_id(client_id)
    tell(
      ('%s ended by itself (code %d); run `fovea doctor` in a terminal, update the program if it is old, then :FoveaRestart. The log: %s'):format(
        client and program(client) or 'the server',
        code,
        vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
      )
    )
  end)
end

return M
