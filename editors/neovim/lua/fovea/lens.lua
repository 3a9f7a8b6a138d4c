--- Code lenses: drawn by Neovim; set up here, for our server alone. A click goes to what resembles the item.
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

---@class fovea.Similar
---@field uri string
---@field range lsp.Range
---@field selection lsp.Range
---@field name string
---@field kind string
---@field language string
---@field score number

---@param similar fovea.Similar
---@return string
local function describe(similar)
  local path = vim.fn.fnamemodify(vim.uri_to_fname(similar.uri), ':~:.')
  return ('≈ %.2f %s · %s:%d'):format(similar.score, similar.name, path, similar.selection.start.line + 1)
end

---@param similar fovea.Similar
---@param encoding 'utf-8'|'utf-16'|'utf-32'
local function jump(similar, encoding)
  -- show_document leaves a mark in the jumplist: CTRL-O leads back.
  vim.lsp.util.show_document({ uri = similar.uri, range = similar.selection }, encoding, { focus = true, reuse_win = false })
end

--- Goes to what resembles an item: at once where there is one, after a choice where there are several. The location list keeps
--- them all.
---@param name string
---@param similar fovea.Similar[]
---@param client vim.lsp.Client
function M.show(name, similar, client)
  if #similar == 0 then
    vim.notify('Fovea: nothing resembles ' .. (name ~= '' and name or 'this'))
    return
  end
  local entries = {}
  for _, item in ipairs(similar) do
    local bufnr = vim.uri_to_bufnr(item.uri)
    -- Bytes of a line can only be known of a loaded buffer.
    vim.fn.bufload(bufnr)
    local start = item.selection.start
    local line = vim.api.nvim_buf_get_lines(bufnr, start.line, start.line + 1, false)[1] or ''
    table.insert(entries, {
      bufnr = bufnr,
      lnum = start.line + 1,
      col = require('fovea.position').byte(line, start.character, client.offset_encoding) + 1,
      text = describe(item),
    })
  end
  vim.fn.setloclist(0, {}, ' ', { title = 'Similar to ' .. name, items = entries })
  if #similar == 1 then
    jump(similar[1], client.offset_encoding)
    return
  end
  vim.ui.select(similar, { prompt = 'Similar to ' .. name, kind = 'fovea', format_item = describe }, function(choice)
    if choice then
      jump(choice, client.offset_encoding)
    end
  end)
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
function M.ask(argument, client)
  require('fovea.client').execute('fovea.showSimilar', { argument }, function(answer)
    -- Of nothing the server speaks itself, and the only one it opens itself.
    if type(answer) == 'table' and #(answer.similar or {}) > 0 and type(answer.shown) ~= 'number' then
      M.show(answer.name, answer.similar, client)
    end
  end)
end

return M
