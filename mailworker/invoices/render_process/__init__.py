"""The process that draws invoices: started, limited, confined and killed by its worker."""
