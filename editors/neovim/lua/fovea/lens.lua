--- Code lenses, which Neovim draws. This module sets them up only for Fovea's server. A click goes to similar items.
local places = require('fovea.places')

local M = {}

local group = vim.api.nvim_create_augroup('fovea_lens', {})
---@type table<integer, uv.uv_timer_t>
local timers = {}

--- Before 0.12: asks Fovea's server (vim.lsp.codelens.refresh would ask all) and lets Neovim draw the answer.
---@param bufnr integer
local function refresh(bufnr)
  timers[bufnr] = nil
  local client = require('fovea.client').get(bufnr)
  if not client or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  require('fovea.client').request(client, 'textDocument/codeLens', params, function(err, result, context)
    -- Lines of an older text would be wrong; the change has already caused another request.
    if not err and vim.api.nvim_buf_is_loaded(bufnr) and tick == vim.api.nvim_buf_get_changedtick(bufnr) then
      vim.lsp.codelens.on_codelens(err, result, context)
    end
  end, bufnr)
end

---@param bufnr integer
local function soon(bufnr)
  if timers[bufnr] then
    timers[bufnr]:stop()
  end
  timers[bufnr] = vim.defer_fn(function()
    refresh(bufnr)
  end, 200)
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  if not require('fovea.config').options.lens.enable then
    return
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = bufnr, client_id = client.id })
    return
  end
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      soon(bufnr)
    end,
  })
  soon(bufnr)
end

--- 0.12 forgets a client of one buffer only where lenses of all servers are on, and then draws for a client that is gone, which fails at
--- each redraw. Nothing public takes such a client out; without these parts, or once they are mended, there is nothing to do.
---@param bufnr integer
---@param client_id integer
local function forget(bufnr, client_id)
  local found, capabilities = pcall(require, 'vim.lsp._capability')
  local provider = found and vim.tbl_get(capabilities, 'all', 'codelens', 'active', bufnr)
  if provider and vim.tbl_get(provider, 'client_state', client_id) then
    provider:on_detach(client_id)
  end
end

vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'fovea' then
      pcall(forget, event.buf, client.id)
    end
  end,
})

--- Handles workspace/codeLens/refresh; from 0.12 on Neovim does.
---@type lsp.Handler
function M.on_refresh(_, _, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client and require('fovea.config').options.lens.enable then
    for _, bufnr in ipairs(require('fovea.client').buffers(client)) do
      soon(bufnr)
    end
  end
  return vim.NIL
end

--- Goes to the only similar item, or lets the user choose one of several. The location list contains all; `open` shows it instead.
---@param name string
---@param similar fovea.Similar[]
---@param client vim.lsp.Client
---@param open? boolean
function M.show(name, similar, client, open)
  if #similar == 0 then
    vim.notify('Fovea: nothing is similar to ' .. (name ~= '' and name or 'this'))
    return
  end
  local title = 'Similar to ' .. name
  places.list(title, similar, client.offset_encoding, open)
  if open then
    return
  end
  if #similar == 1 then
    places.jump(similar[1], client.offset_encoding)
  else
    places.choose(title, similar, client.offset_encoding)
  end
end

--- The command behind a lens and a code action.
---@param command lsp.Command
---@param context lsp.HandlerContext
function M.run(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  local argument = (command.arguments or {})[1]
  if not client or not argument then
    return
  end
  if argument.similar then
    M.show(argument.name or '', argument.similar, client)
  else
    M.ask(argument, client)
  end
  -- Neovim before 0.12 removes a lens after a click.
  if not vim.lsp.codelens.enable and context.bufnr and vim.api.nvim_buf_is_loaded(context.bufnr) then
    soon(context.bufnr)
  end
end

--- Asks the server for items that are similar to the one around a range, and shows them.
---@param argument { uri: string, range: lsp.Range }
---@param client vim.lsp.Client
---@param open? boolean shows the location list instead of asking
function M.ask(argument, client, open)
  require('fovea.client').execute('fovea.showSimilar', { argument }, function(answer)
    if type(answer) ~= 'table' or #(answer.similar or {}) == 0 then
      -- If there is none, the server shows a message itself.
      return
    end
    if type(answer.shown) == 'number' then
      -- The server has already opened the only item.
      places.list('Similar to ' .. answer.name, answer.similar, client.offset_encoding, open)
      return
    end
    M.show(answer.name, answer.similar, client, open)
  end)
end

return M
