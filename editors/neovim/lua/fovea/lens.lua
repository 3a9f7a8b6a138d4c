--- Code lenses: drawn by Neovim; set up here, for our server alone. A click goes to what resembles the item.
local places = require('fovea.places')

local M = {}

local group = vim.api.nvim_create_augroup('fovea_lens', {})
---@type table<integer, uv.uv_timer_t>
local timers = {}

--- Before 0.12: asks our server (vim.lsp.codelens.refresh would ask all) and lets Neovim draw the answer.
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
    -- Lines of an older text would be the wrong ones; the change has asked again already.
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

--- workspace/codeLens/refresh, which Neovim handles itself from 0.12 on.
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

--- Goes to what resembles an item: at once where there is one, after a choice where there are several. The location list keeps
--- them all; `open` shows it instead.
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
  -- Neovim before 0.12 takes away the lens that was clicked.
  if not vim.lsp.codelens.enable and context.bufnr and vim.api.nvim_buf_is_loaded(context.bufnr) then
    soon(context.bufnr)
  end
end

--- Asks the server what resembles the item around a range, and shows it.
---@param argument { uri: string, range: lsp.Range }
---@param client vim.lsp.Client
---@param open? boolean shows the location list instead of asking
function M.ask(argument, client, open)
  require('fovea.client').execute('fovea.showSimilar', { argument }, function(answer)
    if type(answer) ~= 'table' or #(answer.similar or {}) == 0 then
      -- Of nothing the server speaks itself.
      return
    end
    if type(answer.shown) == 'number' then
      -- The only one the server has opened itself.
      places.list('Similar to ' .. answer.name, answer.similar, client.offset_encoding, open)
      return
    end
    M.show(answer.name, answer.similar, client, open)
  end)
end

return M
