--- fovea/status: kept as it came, shown in a statusline and by :FoveaStatus.
local M = {}

---@class fovea.Status
---@field health 'ok'|'warning'|'error'
---@field state 'loading'|'ready'|'busy'|'paused'|'failed'
---@field model? string
---@field method string
---@field heat boolean
---@field message? string
---@field inactive { uri: string, reason: string }[]

---@type table<integer, fovea.Status> by client
local statuses = {}

---@type lsp.Handler
function M.handler(_, params, context)
  statuses[context.client_id] = params
  vim.cmd.redrawstatus({ bang = true })
  vim.api.nvim_exec_autocmds('User', { pattern = 'FoveaStatus', data = params, modeline = false })
end

--- The last status of the buffer's client, or of any of ours.
---@param bufnr? integer
---@return fovea.Status?
function M.get(bufnr)
  local client = require('fovea.client').get(bufnr)
  return client and statuses[client.id]
end

---@param status fovea.Status
---@param bufnr integer
---@return string?
local function inactive(status, bufnr)
  local uri = vim.uri_from_bufnr(bufnr)
  for _, document in ipairs(status.inactive or {}) do
    -- Servers and editors may escape a URI differently.
    if document.uri == uri or vim.uri_to_fname(document.uri) == vim.api.nvim_buf_get_name(bufnr) then
      return document.reason
    end
  end
end

--- A few words for a statusline.
---@param bufnr? integer
---@return string
function M.line(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local client = require('fovea.client').get(bufnr)
  if not client then
    return ''
  end
  local status = statuses[client.id]
  if not status then
    return 'fovea starting'
  end
  local reason = inactive(status, bufnr)
  if reason then
    return 'fovea off: ' .. reason
  end
  if status.state == 'ready' or status.state == 'busy' then
    return 'fovea ' .. status.method .. (status.state == 'busy' and ' …' or '')
  end
  return 'fovea ' .. status.state .. (status.message and ': ' .. status.message or '')
end

--- Everything, a line each.
---@param bufnr integer
---@return string[]
function M.report(bufnr)
  local status = M.get(bufnr)
  if not status then
    return { 'Fovea is not running here' }
  end
  local lines = {
    ('Fovea: %s, %s'):format(status.state, status.health),
    'model: ' .. (status.model or 'none yet'),
    ('method: %s, heat %s'):format(status.method, status.heat and 'on' or 'off'),
  }
  if status.message then
    table.insert(lines, status.message)
  end
  local reason = inactive(status, bufnr)
  if reason then
    table.insert(lines, 'this document is not analysed: ' .. reason)
  end
  return lines
end

return M
